import { expect, test } from '@jest/globals';
import type { RetryCause, RetryPolicy } from './definition-types.js';
import { nextRetry } from './retry-decision.js';

const policy: RetryPolicy = { max: 3, delayMs: 1000, backoff: 2, on: ['failure', 'timeout', 'infra'] };

test.each<{
  reason: string;
  change?: Partial<RetryPolicy>;
  attempts: number;
  cause?: RetryCause;
  exitCode?: number;
  delay: number | null;
}>([
  { reason: 'the first retry waits the delay', attempts: 1, delay: 1000 },
  { reason: 'the second twice as long', attempts: 2, delay: 2000 },
  { reason: 'the last one of the budget', attempts: 3, delay: 4000 },
  { reason: 'the budget is spent', attempts: 4, delay: null },
  { reason: 'no budget', change: { max: 0 }, attempts: 1, delay: null },
  { reason: 'the longest delay is kept', change: { maxDelayMs: 1500 }, attempts: 3, delay: 1500 },
  { reason: 'without growth', change: { backoff: 1 }, attempts: 3, delay: 1000 },
  { reason: 'no delay stays none', change: { delayMs: 0 }, attempts: 3, delay: 0 },
  {
    reason: 'no delay stays none however it grows',
    change: { delayMs: 0, backoff: 100, max: 1000 },
    attempts: 999,
    delay: 0,
  },
  { reason: 'a delay that a timer can keep', change: { backoff: 100, max: 1000 }, attempts: 999, delay: 2_147_483_647 },
  { reason: 'a cause that is not wanted', change: { on: ['infra'] }, attempts: 1, delay: null },
  { reason: 'a cause that is', change: { on: ['infra'] }, attempts: 1, cause: 'infra', delay: 1000 },
  { reason: 'an exit code that is wanted', change: { exitCodes: [75] }, attempts: 1, exitCode: 75, delay: 1000 },
  { reason: 'another exit code', change: { exitCodes: [75] }, attempts: 1, exitCode: 1, delay: null },
  { reason: 'killed, so without an exit code', change: { exitCodes: [75] }, attempts: 1, delay: null },
  {
    reason: 'exit codes say nothing about time-outs',
    change: { exitCodes: [75] },
    attempts: 1,
    cause: 'timeout',
    delay: 1000,
  },
])('$reason', ({ change, attempts, cause, exitCode, delay }) => {
  const decision = nextRetry({ ...policy, ...change }, attempts, cause ?? 'failure', exitCode);
  expect(decision).toEqual(delay === null ? { retry: false } : { retry: true, delayMs: delay });
});
