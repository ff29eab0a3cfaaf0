import { describe, expect, test } from '@jest/globals';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { nextStep, type Step, type StepContext } from './next-step.js';

const HOUR = 3_600_000;
const ALL = {
  retry: 'native',
  retryTask: 'native',
  cancelTask: 'native',
  pause: 'native',
  resume: 'native',
  list: 'none',
  hints: 'none',
  forget: 'none',
} as const;

const CONTEXT: StepContext = {
  capabilities: { dedupeHorizonMs: 24 * HOUR, verbs: ALL },
  epoch: 'e1',
  submitGraceMs: 60_000,
  cancelGraceMs: 60_000,
};

interface Row {
  reason: string;
  run: RunRecord;
  ctx?: Partial<StepContext>;
  step: Partial<Step>;
}

const unknown = {
  outcome: 'unknown',
  attemptedAt: ago(2_000),
  firstAttemptedAt: ago(2_000),
  engineEpoch: 'e1',
} as const;
const known = { outcome: 'known', externalId: 'x', engineEpoch: 'e1', attemptedAt: ago(5_000) } as const;
const forgetful = { capabilities: { dedupeHorizonMs: 0, verbs: ALL } };

const rows: Row[] = [
  { reason: 'wanted and never sent', run: aRun(), step: { do: 'submit' } },
  {
    reason: 'an ended run has nothing due',
    run: aRun({ state: 'COMPLETED', finishedAt: NOW }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a held submit waits for a resume',
    run: aRun({ state: 'PAUSED', desired: 'paused' }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a pending registration is waited for, and said',
    run: aRun({ registration: 'PENDING' }),
    step: { do: 'rest', dueInMs: 15_000 },
  },
  {
    reason: 'F26: an outage alone fails no run, however long; the registrar says when the engine had its time',
    run: aRun({ registration: 'PENDING', createdAt: ago(HOUR) }),
    step: { do: 'rest', dueInMs: 15_000 },
  },
  { reason: 'a failed registration fails the run', run: aRun({ registration: 'FAILED' }), step: { do: 'fail' } },
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
    reason: 'positively absent on an engine that refuses duplicates: the same key again',
    run: aRun({ execution: { ...unknown, absentSince: ago(10), lookups: 1 } }),
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
        lookups: 1,
      },
    }),
    step: { do: 'fail' },
  },
  {
    reason: 'not on an engine with another memory',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(HOUR), lookups: 9 } }),
    ctx: { epoch: 'e2' },
    step: { do: 'fail' },
  },
  {
    reason: 'no verdict while the memory of the engine is in doubt',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(HOUR), lookups: 9 } }),
    ctx: { epoch: undefined },
    step: { do: 'find' },
  },
  {
    reason: 'an engine that takes duplicates is never asked again within the grace',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(10_000), absentSince: ago(8_000), lookups: 1 } }),
    ctx: forgetful,
    step: { do: 'find' },
  },
  {
    reason: 'an engine that takes duplicates: unknown is an end with a reason',
    run: aRun({ execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(61_000), lookups: 5 } }),
    ctx: forgetful,
    step: { do: 'fail' },
  },
  {
    reason: 'rule 2: a cancel wish forbids any further submit',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(10_000), absentSince: ago(10), lookups: 1 },
    }),
    step: { do: 'find' },
  },
  {
    reason: 'rule 2: the end of the grace is not slept through',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(59_000), absentSince: ago(57_000), lookups: 5 },
    }),
    step: { do: 'rest', dueInMs: 3_000 },
  },
  {
    reason: 'a held run that is absent is only looked for, and not without a pause',
    run: aRun({
      desired: 'paused',
      execution: { ...unknown, attemptedAt: ago(100_000), absentSince: ago(90_000), lookups: 7 },
    }),
    step: { do: 'rest', dueInMs: 5_000 },
  },
  {
    reason: 'rule 2: absent past the grace: given up, with a tombstone',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      execution: { ...unknown, attemptedAt: ago(HOUR), absentSince: ago(61_000), lookups: 5 },
    }),
    step: { do: 'give-up-cancelled', tombstoneMs: 24 * HOUR },
  },
  {
    reason: 'an accepted run that nobody watches is left to the reconciler',
    run: aRun({ state: 'RUNNING', observed: facts(), observedAt: ago(5_000), execution: known }),
    step: { do: 'rest', dueInMs: null },
  },
  {
    reason: 'a watched run is visited every second',
    run: aRun({
      state: 'RUNNING',
      observed: facts(),
      observedAt: ago(1_500),
      watchedUntil: new Date(NOW.getTime() + 5_000),
      execution: known,
    }),
    step: { do: 'observe' },
  },
  {
    reason: 'a cancel that was not sent is sent',
    run: aRun({ state: 'CANCELLING', desired: 'cancelled', observed: facts(), execution: known }),
    step: { do: 'cancel', mode: 'graceful' },
  },
  {
    reason: 'a cancel under way is looked at, not repeated',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      observedAt: ago(2_000),
      execution: { ...known, cancelSentAt: ago(3_000), cancelMode: 'graceful' },
    }),
    step: { do: 'observe' },
  },
  {
    reason: 'an overdue cancel is forced',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      observedAt: ago(500),
      execution: { ...known, cancelSentAt: ago(61_000), cancelMode: 'graceful' },
    }),
    step: { do: 'cancel', mode: 'force' },
  },
  {
    reason: 'a cancel that may have been lost is sent again',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      execution: { ...known, cancelSentAt: ago(3_000), cancelMode: null },
    }),
    step: { do: 'cancel', mode: 'graceful' },
  },
  {
    reason: 'a forced cancel that may have been lost is sent again',
    run: aRun({
      state: 'CANCELLING',
      desired: 'cancelled',
      observed: facts(),
      execution: { ...known, cancelSentAt: ago(90_000), cancelMode: 'graceful' },
    }),
    step: { do: 'cancel', mode: 'force' },
  },
  {
    reason: 'a pause is sent once',
    run: aRun({ state: 'RUNNING', desired: 'paused', observed: facts(), observedAt: ago(100), execution: known }),
    step: { do: 'pause' },
  },
  {
    reason: 'a pause that was sent is not sent again',
    run: aRun({
      state: 'PAUSED',
      desired: 'paused',
      observed: facts({ phase: 'paused' }),
      observedAt: ago(100),
      execution: { ...known, pauseSent: true },
    }),
    step: { do: 'rest' },
  },
  {
    reason: 'a resume takes back the pause we sent',
    run: aRun({
      state: 'PAUSED',
      observed: facts({ phase: 'paused' }),
      observedAt: ago(100),
      execution: { ...known, pauseSent: true },
    }),
    step: { do: 'resume' },
  },
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
    step: { do: 'rest', dueInMs: 900 },
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
        lookups: 1,
      },
    }),
    step: { do: 'retry' },
  },
];

describe('nextStep', () => {
  test.each(rows)('$reason: $step.do', ({ run, ctx, step }) => {
    expect(nextStep(run, { ...CONTEXT, ...ctx })).toMatchObject(step);
  });
});
