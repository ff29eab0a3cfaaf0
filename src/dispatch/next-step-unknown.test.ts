import { describe, expect, test } from '@jest/globals';
import { ago, aRun } from '../../test/support/run-records.js';
import { expectStep, forgetful, HOUR, type StepRow, TIMEOUT, unknown } from '../../test/support/step-rows.js';

const rows: StepRow[] = [
  {
    reason: 'an intent found open is looked up, never sent blindly',
    run: aRun({ execution: { ...unknown, outcome: 'in_flight' } }),
    step: { do: 'find' },
  },
  {
    reason: 'the first look-up waits a second',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(400) } }),
    step: { do: 'rest', dueInMs: 600 },
  },
  {
    reason: 'what made the outcome unknown stays said meanwhile',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(400) }, lastError: { ...TIMEOUT, at: '-' } }),
    step: { do: 'rest', dueInMs: 600, reason: TIMEOUT },
  },
  {
    reason: 'the first look-up is due after exactly a second',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(1_000) } }),
    step: { do: 'find' },
  },
  {
    reason: 'a call without a time is looked up at once',
    run: aRun({ execution: { ...unknown, attemptedAt: null } }),
    step: { do: 'find' },
  },
  ...[
    { lookups: 1, atMs: 5_000 },
    { lookups: 2, atMs: 30_000 },
    { lookups: 3, atMs: 45_000 },
    { lookups: 4, atMs: 60_000 },
    { lookups: 6, atMs: 90_000 },
  ].map(({ lookups, atMs }): StepRow => ({
    reason: `after ${lookups} look-ups the next one is due ${atMs} ms after the call`,
    run: aRun({ execution: { ...unknown, attemptedAt: ago(atMs - 700), lookups } }),
    step: { do: 'rest', dueInMs: 700 },
  })),
  {
    reason: 'a look-up that is due before the end of the grace is not put off',
    run: aRun({
      execution: {
        ...unknown,
        attemptedAt: ago(40_000),
        absentSince: ago(10_000),
        absentUntil: ago(10_000),
        lookups: 3,
      },
    }),
    ctx: forgetful,
    step: { do: 'rest', dueInMs: 5_000 },
  },
  {
    reason: 'a grace that has ended hurries no look-up of a held run',
    run: aRun({
      desired: 'paused',
      execution: { ...unknown, attemptedAt: ago(70_000), absentSince: ago(60_000), absentUntil: ago(0), lookups: 5 },
    }),
    step: { do: 'rest', dueInMs: 5_000 },
  },
  {
    reason: 'without any grace an absence has to be seen all the same',
    run: aRun({ execution: unknown }),
    ctx: { submitGraceMs: 0 },
    step: { do: 'find' },
  },
  {
    reason: 'exactly half of what the engine remembers is too long ago',
    run: aRun({
      execution: {
        ...unknown,
        firstAttemptedAt: ago(12 * HOUR),
        absentSince: ago(10),
        absentUntil: ago(12),
        lookups: 1,
      },
    }),
    step: { do: 'rest', dueInMs: 3_000 },
  },
  {
    reason: 'a first attempt without a time was made now',
    run: aRun({
      execution: { ...unknown, firstAttemptedAt: null, absentSince: ago(10), absentUntil: ago(12), lookups: 1 },
    }),
    step: { do: 'submit' },
  },
  {
    reason: 'two epochs that nobody knows are not the same memory',
    run: aRun({ execution: { ...unknown, engineEpoch: null, absentSince: ago(10), absentUntil: ago(12), lookups: 1 } }),
    ctx: { epoch: undefined },
    step: { do: 'rest', dueInMs: 3_000 },
  },
  {
    reason: 'positively absent on an engine that refuses duplicates: the same key again',
    run: aRun({ execution: { ...unknown, absentSince: ago(10), absentUntil: ago(12), lookups: 1 } }),
    step: { do: 'submit' },
  },
  {
    reason: 'not past half of what the engine remembers',
    run: aRun({
      execution: {
        ...unknown,
        firstAttemptedAt: ago(13 * HOUR),
        attemptedAt: ago(13 * HOUR),
        absentSince: ago(HOUR),
        absentUntil: ago(1_000),
        lookups: 1,
      },
    }),
    step: { do: 'fail' },
  },
  {
    reason: 'not on an engine with another memory',
    run: aRun({
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(HOUR), absentUntil: ago(15_000), lookups: 9 },
    }),
    ctx: { epoch: 'e2' },
    step: { do: 'fail' },
  },
  {
    reason: 'no verdict while the memory of the engine is in doubt',
    run: aRun({
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(HOUR), absentUntil: ago(15_000), lookups: 9 },
    }),
    ctx: { epoch: undefined },
    step: { do: 'find' },
  },
  {
    reason: 'an engine that takes duplicates is never asked again within the grace',
    run: aRun({
      execution: { ...unknown, attemptedAt: ago(10_000), absentSince: ago(8_000), absentUntil: ago(8_010), lookups: 1 },
    }),
    ctx: forgetful,
    step: { do: 'find' },
  },
  {
    reason: 'an engine that takes duplicates: unknown is an end with a reason',
    run: aRun({
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(61_000), absentUntil: ago(500), lookups: 5 },
    }),
    ctx: forgetful,
    step: {
      do: 'fail',
      failure: {
        class: 'engine',
        code: 'submit-outcome-unknown',
        message: expect.stringContaining('cannot be asked again') as never,
      },
      tombstoneMs: 24 * HOUR,
    },
  },
  {
    reason: 'rule 2: the grace ends with its last moment',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(60_000), absentUntil: ago(0), lookups: 5 },
    }),
    step: { do: 'give-up-cancelled', tombstoneMs: 24 * HOUR },
  },
  {
    reason: 'rule 2: a cancel wish forbids any further submit',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(10_000), absentSince: ago(10), absentUntil: ago(12), lookups: 1 },
    }),
    step: { do: 'find' },
  },
  {
    reason: 'rule 2: the end of the grace is not slept through',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: {
        ...unknown,
        attemptedAt: ago(59_000),
        absentSince: ago(57_000),
        absentUntil: ago(9_000),
        lookups: 5,
      },
    }),
    step: { do: 'rest', dueInMs: 3_000 },
  },
  {
    reason: 'a held run that is absent is only looked for, and not without a pause',
    run: aRun({
      desired: 'paused',
      execution: {
        ...unknown,
        attemptedAt: ago(100_000),
        absentSince: ago(90_000),
        absentUntil: ago(10_000),
        lookups: 7,
      },
    }),
    step: { do: 'rest', dueInMs: 5_000 },
  },
  {
    reason: 'rule 2: a look before the end of the grace says nothing about what arrived since: one more, at once',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: {
        ...unknown,
        attemptedAt: ago(63_000),
        absentSince: ago(61_000),
        absentUntil: ago(1_001),
        lookups: 5,
      },
    }),
    step: { do: 'find' },
  },
  {
    reason: 'an engine that takes duplicates: one look, however long ago, is no end',
    run: aRun({
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(HOUR), absentUntil: ago(HOUR), lookups: 1 },
    }),
    ctx: forgetful,
    step: { do: 'find' },
  },
  {
    reason: 'the look at the end of the grace is not put off until the plan has one',
    run: aRun({
      desired: 'paused',
      execution: {
        ...unknown,
        attemptedAt: ago(61_000),
        absentSince: ago(60_000),
        absentUntil: ago(15_000),
        lookups: 5,
      },
    }),
    step: { do: 'find' },
  },
  {
    reason: 'rule 2: absent past the grace: given up, with a tombstone',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(61_000), absentUntil: ago(500), lookups: 5 },
    }),
    step: { do: 'give-up-cancelled', tombstoneMs: 24 * HOUR },
  },
];

describe('nextStep, after a submit whose outcome is unknown', () => {
  test.each(rows)('$reason: $step.do', expectStep);
});
