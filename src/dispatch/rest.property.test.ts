/** No run rests for ever: over every combination of wish, execution and facts that can be reached. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NO_VERBS } from '../../adapters/spi/engine-adapter.js';
import { RUN_PHASES } from '../../adapters/spi/facts.js';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import { fold } from '../lifecycle/fold.js';
import { DESIRED, type RunRecord } from '../lifecycle/run-record.js';
import { isFinal } from '../lifecycle/run-state.js';
import { hasOpenWish } from '../reconcile/open-wish.js';
import { nextStep, type Step, type StepContext } from './next-step.js';

const HOUR = 3_600_000;
const moment = fc.integer({ min: 0, max: 2 * HOUR }).map(ago);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const error = fc.record({
  code: fc.constantFrom('settling', 'draining', 'engine-timeout', 'cancel-overdue', 'blocked'),
  message: fc.constant('-'),
  at: moment.map((at) => at.toISOString()),
});

const context: fc.Arbitrary<StepContext> = fc.record({
  capabilities: fc.record({
    dedupeHorizonMs: fc.constantFrom(0, 24 * HOUR),
    verbs: fc
      .constantFrom('native' as const, 'none' as const)
      .map((pause) => ({ ...NO_VERBS, pause, resume: pause, retry: 'native', retryTask: 'native' }) as const),
  }),
  epoch: fc.constantFrom('e1', 'e2', undefined),
  submitGraceMs: fc.constant(60_000),
  cancelGraceMs: fc.constant(60_000),
});

/** Records as fold, after-call and with-request leave them; anything else is left out. */
const record: fc.Arbitrary<RunRecord> = fc
  .record({
    desired: fc.constantFrom(...DESIRED),
    registration: fc.constantFrom('PENDING' as const, 'READY' as const, 'FAILED' as const),
    verb: fc.constantFrom('submit' as const, 'retry' as const),
    outcome: fc.constantFrom('none' as const, 'in_flight' as const, 'unknown' as const, 'known' as const),
    phase: maybe(fc.constantFrom(...RUN_PHASES)),
    attemptedAt: moment,
    observedAt: maybe(moment),
    desiredAt: moment,
    watchedUntil: maybe(fc.constantFrom(ago(1), new Date(NOW.getTime() + 5_000))),
    absentSince: maybe(moment),
    absentForMs: fc.integer({ min: 0, max: HOUR }),
    baseline: maybe(fc.constantFrom('', 'round 1')),
    cancelSentAt: maybe(moment),
    cancelMode: maybe(fc.constantFrom('graceful' as const, 'force' as const)),
    lookups: fc.integer({ min: 0, max: 300 }),
    pauseSent: fc.boolean(),
    lastError: maybe(error),
  })
  // A pause is refused while a retry is not visible, and a retry needs a baseline before it is sent.
  .filter((it) => !(it.verb === 'retry' && it.desired === 'paused' && it.phase === null))
  .filter((it) => !(it.verb === 'retry' && it.outcome !== 'none' && it.baseline === null))
  // What was seen is known.
  .filter((it) => it.phase === null || it.outcome === 'known')
  // A look-up is counted when it was made, at its time.
  .filter((it) => it.lookups === 0 || NOW.getTime() - it.attemptedAt.getTime() >= (it.lookups - 1) * 15_000)
  .filter((it) => it.cancelSentAt !== null || it.cancelMode === null)
  .map(({ phase, ...it }) => {
    const sent = it.outcome !== 'none';
    const absentSince = it.outcome === 'unknown' ? it.absentSince : null;
    const run = aRun({
      ...it,
      generation: it.verb === 'retry' ? 2 : 1,
      createdAt: ago(3 * HOUR),
      observed: phase === null ? null : facts({ phase }),
      execution: {
        ...it,
        attemptedAt: sent ? it.attemptedAt : null,
        firstAttemptedAt: sent ? it.attemptedAt : null,
        absentSince,
        absentUntil: absentSince && new Date(Math.min(absentSince.getTime() + it.absentForMs, NOW.getTime())),
        engineEpoch: 'e1',
      },
    });
    return { ...run, ...fold(run) };
  });
const active = record.filter((run) => !isFinal(run.state));

const check = (holds: (run: RunRecord, step: Step, ctx: StepContext) => void): void => {
  fc.assert(
    fc.property(active, context, (run, ctx) => holds(run, nextStep(run, ctx), ctx)),
    { numRuns: 5_000 },
  );
};

test('an active run is due, or known and so looked at by every pass, or a held submit that waits for its resume', () => {
  check((run, step) => {
    if (step.do !== 'rest' || step.dueInMs !== null) return;
    const heldSubmit = run.desired === 'paused' && run.execution.outcome === 'none';
    expect(run.execution.outcome === 'known' || heldSubmit).toBe(true);
  });
});

test('a cancel rests only between two looks', () => {
  check((run, step) => {
    if (run.desired !== 'cancelled' || step.do !== 'rest') return;
    expect(step.dueInMs).not.toBeNull();
  });
});

test('a rest ends within a minute', () => {
  check((_run, step) => {
    if (step.do !== 'rest' || step.dueInMs === null) return;
    expect(step.dueInMs).toBeGreaterThan(0);
    expect(step.dueInMs).toBeLessThanOrEqual(60_000);
  });
});

test('nothing is submitted or retried unless it is wanted', () => {
  check((run, step) => {
    if (step.do === 'submit' || step.do === 'retry') expect(run.desired).toBe('run');
  });
});

test('rule 1: an outcome nobody knows is looked at before anything is sent', () => {
  check((run, step) => {
    const { outcome, absentSince } = run.execution;
    if ((outcome === 'in_flight' || outcome === 'unknown') && absentSince === null) {
      expect(['find', 'observe', 'rest']).toContain(step.do);
    }
  });
});

test('on an engine that takes duplicates, or whose memory changed, nothing is submitted twice', () => {
  check((run, step, { capabilities, epoch }) => {
    if (step.do !== 'submit' || run.execution.outcome === 'none') return;
    expect(capabilities.dedupeHorizonMs).toBeGreaterThan(0);
    expect(epoch).toBe('e1');
  });
});

test('what would be done for a run of which nothing is due, the reconciler makes due', () => {
  check((run, step, { capabilities }) => {
    const looks = step.do === 'observe' || step.do === 'rest';
    if (looks && run.execution.outcome === 'known') return;
    if (step.do === 'rest' && step.dueInMs === null) return;
    expect([hasOpenWish({ ...run, nextActionAt: null }), step, capabilities]).toEqual([true, step, capabilities]);
  });
});
