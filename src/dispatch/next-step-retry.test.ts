import { describe, test } from '@jest/globals';
import { ago, aRun } from '../../test/support/run-records.js';
import { expectStep, HOUR, known, retrying, type StepRow, TIMEOUT } from '../../test/support/step-rows.js';

const rows: StepRow[] = [
  {
    reason: 'rule 4: the baseline is stored before the verb',
    run: aRun({ state: 'RETRYING', generation: 2, execution: { verb: 'retry' } }),
    step: { do: 'baseline' },
  },
  {
    reason: 'rule 4: then the verb may be sent',
    run: aRun({ state: 'RETRYING', generation: 2, execution: { verb: 'retry', baseline: '1' } }),
    step: { do: 'retry' },
  },
  {
    reason: 'rule 5: no retry beside stragglers',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      lastError: { code: 'draining', message: '-', at: ago(100).toISOString() },
      execution: { verb: 'retry' },
    }),
    step: { do: 'rest', dueInMs: 900, reason: { code: 'draining', message: '-' } },
  },
  {
    reason: 'rule 5: they are looked at every second',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      lastError: { code: 'draining', message: '-', at: ago(1_000).toISOString() },
      execution: { verb: 'retry' },
    }),
    step: { do: 'baseline' },
  },
  {
    reason: 'rule 5: a look at them that failed does not let the retry go',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      lastError: { code: 'engine-timeout', message: '-', at: ago(100).toISOString() },
      execution: { verb: 'retry' },
    }),
    step: { do: 'baseline' },
  },
  {
    reason: 'a retry that stays invisible is left to the reconciler',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      observedAt: ago(HOUR),
      execution: { ...known, verb: 'retry', baseline: '1', attemptedAt: ago(20_000) },
    }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'rule 4: a retry with an unknown outcome is looked at first',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      execution: { verb: 'retry', baseline: '1', outcome: 'in_flight', attemptedAt: ago(2_000) },
    }),
    step: { do: 'observe' },
  },
  {
    reason: 'rule 4: and sent again only where the engine shows the baseline',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      execution: {
        verb: 'retry',
        baseline: '1',
        outcome: 'unknown',
        attemptedAt: ago(6_000),
        absentSince: ago(10),
        absentUntil: ago(12),
        lookups: 1,
      },
    }),
    step: { do: 'retry' },
  },
  {
    reason: 'rule 4: also long after the grace',
    run: retrying('run', { attemptedAt: ago(HOUR), absentSince: ago(HOUR), absentUntil: ago(15_000), lookups: 1 }),
    step: { do: 'retry' },
  },
  {
    reason: 'a retry with an unknown outcome is looked at after a second',
    run: retrying('run', { attemptedAt: ago(400) }, { ...TIMEOUT, at: '-' }),
    step: { do: 'rest', dueInMs: 600, reason: TIMEOUT },
  },
  {
    reason: 'a retry with an unknown outcome is looked at after exactly a second',
    run: retrying('run', { attemptedAt: ago(1_000) }),
    step: { do: 'observe' },
  },
  {
    reason: 'rule 2: a cancel wish forbids any further retry',
    run: retrying('cancelled', { attemptedAt: ago(6_000), absentSince: ago(10), absentUntil: ago(12), lookups: 1 }),
    step: { do: 'observe' },
  },
  {
    reason: 'rule 2: a retry that was never looked at is not given up',
    run: retrying('cancelled', { attemptedAt: ago(HOUR) }),
    step: { do: 'observe' },
  },
  {
    reason: 'rule 2: a retry that did not arrive within the grace is given up, with a tombstone',
    run: retrying('cancelled', { attemptedAt: ago(HOUR), absentSince: ago(60_000), absentUntil: ago(0), lookups: 2 }),
    step: { do: 'give-up-cancelled', tombstoneMs: 24 * HOUR },
  },
  {
    reason: 'rule 2: nor one that was looked at only before the grace ended',
    run: retrying('cancelled', { attemptedAt: ago(HOUR), absentSince: ago(HOUR), absentUntil: ago(HOUR), lookups: 1 }),
    step: { do: 'observe' },
  },
];

describe('nextStep, for a retry in place', () => {
  test.each(rows)('$reason: $step.do', expectStep);
});
