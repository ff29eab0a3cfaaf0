import { expect, test } from '@jest/globals';
import type { EndedTask, RunVerdict } from './run-verdict.js';
import { runVerdict } from './run-verdict.js';

const task = (id: string, state: EndedTask['state'], allowFailure = false): EndedTask => ({ id, state, allowFailure });

test.each<{ reason: string; tasks: EndedTask[]; verdict: RunVerdict }>([
  { reason: 'all completed', tasks: [task('a', 'COMPLETED')], verdict: { phase: 'COMPLETED' } },
  { reason: 'skipped is not failed', tasks: [task('a', 'SKIPPED')], verdict: { phase: 'COMPLETED' } },
  {
    reason: 'one failed',
    tasks: [task('a', 'COMPLETED'), task('b', 'FAILED')],
    verdict: { phase: 'FAILED', failedTask: 'b' },
  },
  { reason: 'an allowed failure', tasks: [task('a', 'FAILED', true)], verdict: { phase: 'COMPLETED' } },
  {
    reason: 'a handler does not make it green',
    tasks: [task('a', 'FAILED'), task('handler', 'COMPLETED')],
    verdict: { phase: 'FAILED', failedTask: 'a' },
  },
  {
    reason: 'the first by id is named',
    tasks: [task('b', 'FAILED'), task('a', 'FAILED')],
    verdict: { phase: 'FAILED', failedTask: 'a' },
  },
])('$reason', ({ tasks, verdict }) => {
  expect(runVerdict(tasks)).toEqual(verdict);
});
