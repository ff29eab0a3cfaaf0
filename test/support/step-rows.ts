/** Records and contexts for the tables of `nextStep`, and how one of their rows is checked. */
import { expect } from '@jest/globals';
import { NO_VERBS } from '../../adapters/spi/engine-adapter.js';
import { nextStep, type Step, type StepContext } from '../../src/dispatch/next-step.js';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { ago, aRun, facts, NOW } from './run-records.js';

export const HOUR = 3_600_000;
export const ALL = {
  ...NO_VERBS,
  retry: 'native',
  retryTask: 'native',
  cancelTask: 'native',
  pause: 'native',
  resume: 'native',
} as const;

export const CONTEXT: StepContext = {
  capabilities: { dedupeHorizonMs: 24 * HOUR, verbs: ALL },
  epoch: 'e1',
  submitGraceMs: 60_000,
  cancelGraceMs: 60_000,
};

export interface StepRow {
  reason: string;
  run: RunRecord;
  ctx?: Partial<StepContext>;
  step: Partial<Step>;
}

/** A submit that went out two seconds ago, and nobody knows whether it arrived. */
export const unknown = {
  outcome: 'unknown',
  attemptedAt: ago(2_000),
  firstAttemptedAt: ago(2_000),
  engineEpoch: 'e1',
} as const;
export const known = { outcome: 'known', externalId: 'x', engineEpoch: 'e1', attemptedAt: ago(5_000) } as const;
export const forgetful = { capabilities: { dedupeHorizonMs: 0, verbs: ALL } };

export const SETTLING = { code: 'settling', message: 'The call of the generation before may still arrive.' };
export const TIMEOUT = { code: 'engine-timeout', message: 'no answer' };
export const WATCHED = { watchedUntil: new Date(NOW.getTime() + 5_000) };

export function cancelling(changes: Partial<RunRecord>, execution: Partial<RunRecord['execution']>): RunRecord {
  return aRun({
    state: 'CANCELLING',
    desired: 'cancelled',
    observed: facts(),
    ...changes,
    execution: { ...known, cancelMode: 'graceful', ...execution },
  });
}

/** A retry in place that went out, or may have. */
export function retrying(
  desired: RunRecord['desired'],
  execution: Partial<RunRecord['execution']>,
  lastError: RunRecord['lastError'] = null,
): RunRecord {
  const state = desired === 'cancelled' ? 'CANCELLING' : 'RETRYING';
  const sent = { verb: 'retry', outcome: 'unknown', baseline: '1' } as const;
  return aRun({ state, desired, generation: 2, lastError, execution: { ...sent, ...execution } });
}

export function expectStep({ run, ctx, step }: StepRow): void {
  const next = nextStep(run, { ...CONTEXT, ...ctx });
  expect(next).toMatchObject(step);
  expect(next.why).toMatch(/\w/);
}
