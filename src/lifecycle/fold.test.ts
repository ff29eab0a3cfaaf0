import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RUN_PHASES } from '../../adapters/spi/facts.js';
import { ago, anExecution, facts } from '../../test/support/run-records.js';
import { fold, type FoldInput } from './fold.js';
import { DESIRED, OUTCOMES, type Execution } from './run-record.js';
import { RUN_STATES, type RunState } from './run-state.js';

interface Row {
  reason: string;
  desired?: FoldInput['desired'];
  execution?: Partial<Execution>;
  observed?: FoldInput['observed'];
  verdict?: FoldInput['verdict'];
  lastError?: FoldInput['lastError'];
  state: RunState;
  stateReason?: string;
  failureCode?: string;
}

const OVERDUE = { code: 'cancel-overdue', message: '-', at: '-' };

const rows: Row[] = [
  { reason: 'stored and never sent', state: 'PENDING' },
  { reason: 'a call is in flight', execution: { outcome: 'in_flight' }, state: 'PENDING' },
  {
    reason: 'rule 10: what the engine accepted is never PENDING',
    execution: { outcome: 'known' },
    state: 'SCHEDULED',
  },
  {
    reason: 'an unknown outcome is shown as one',
    execution: { outcome: 'unknown' },
    state: 'PENDING',
    stateReason: 'submit-outcome-unknown',
  },
  {
    reason: 'rule 9: a pause before the first call holds the submit',
    desired: 'paused',
    state: 'PAUSED',
    stateReason: 'submit-held',
  },
  { reason: 'rule 2: what never reached the engine is cancelled at once', desired: 'cancelled', state: 'CANCELLED' },
  {
    reason: 'rule 2: a call in flight may still arrive',
    desired: 'cancelled',
    execution: { outcome: 'in_flight' },
    state: 'CANCELLING',
  },
  {
    reason: 'rule 2: an unknown outcome may still arrive',
    desired: 'cancelled',
    execution: { outcome: 'unknown' },
    state: 'CANCELLING',
  },
  {
    reason: 'an accepted run is cancelled by the engine',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    state: 'CANCELLING',
  },
  {
    reason: 'a retry is not visible before the engine shows it',
    execution: { verb: 'retry', outcome: 'known' },
    state: 'RETRYING',
  },
  { reason: 'a retry that was not sent yet', execution: { verb: 'retry' }, state: 'RETRYING' },
  {
    reason: 'accepted, nothing started',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'scheduled' }),
    state: 'SCHEDULED',
  },
  {
    reason: 'rule 10: an engine that holds all runs of a definition is no pause of this run',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'scheduled', stateReason: 'engine-definition-paused' }),
    state: 'SCHEDULED',
    stateReason: 'engine-definition-paused',
  },
  {
    reason: 'F36: accepted, and for too long not started',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'scheduled' }),
    lastError: { code: 'stuck', message: '-', at: '-' },
    state: 'SCHEDULED',
    stateReason: 'stuck: not-started',
  },
  {
    reason: 'F36: with the diagnosis of the engine, where it has one',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'scheduled', stateReason: 'engine-definition-paused' }),
    lastError: { code: 'stuck', message: '-', at: '-' },
    state: 'SCHEDULED',
    stateReason: 'stuck: engine-definition-paused',
  },
  { reason: 'the engine executes it', execution: { outcome: 'known' }, observed: facts(), state: 'RUNNING' },
  {
    reason: 'the engine holds it',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'paused' }),
    state: 'PAUSED',
  },
  {
    reason: 'a cancel overrides the facts',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts(),
    state: 'CANCELLING',
  },
  {
    reason: 'a cancel overrides a pause',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'paused' }),
    state: 'CANCELLING',
  },
  { reason: 'succeeded', execution: { outcome: 'known' }, observed: facts({ phase: 'succeeded' }), state: 'COMPLETED' },
  {
    reason: 'rule 3: succeeded without evidence of a stop was faster than the cancel',
    desired: 'cancelled',
    execution: { outcome: 'known', cancelSentAt: ago(10) },
    observed: facts({ phase: 'succeeded' }),
    state: 'COMPLETED',
    stateReason: 'finished-before-cancel',
  },
  {
    reason: 'rule 3: succeeded with evidence of a stop was stopped',
    desired: 'cancelled',
    execution: { outcome: 'known', cancelSentAt: ago(10) },
    observed: facts({ phase: 'succeeded', stopEvidence: true }),
    state: 'CANCELLED',
  },
  {
    reason: 'rule 3: failed after our cancel was sent is cancelled',
    desired: 'cancelled',
    execution: { outcome: 'known', cancelSentAt: ago(10) },
    observed: facts({ phase: 'failed' }),
    state: 'CANCELLED',
  },
  {
    reason: 'rule 3: failed before any cancel was sent has failed',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'failed', failure: { class: 'user', code: 'exit-code', message: 'exit 1' } }),
    state: 'FAILED',
    failureCode: 'exit-code',
  },
  {
    reason: 'a failure without words still has a reason',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'failed' }),
    state: 'FAILED',
    failureCode: 'engine-reported-failure',
  },
  {
    reason: 'stopped on the engine by somebody else',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'cancelled' }),
    state: 'CANCELLED',
    stateReason: 'cancelled-on-engine',
  },
  {
    reason: 'a verdict of ours ends what the engine never answered',
    execution: { outcome: 'unknown' },
    verdict: { state: 'FAILED', failure: { class: 'engine', code: 'submit-outcome-unknown', message: '-' } },
    state: 'FAILED',
    failureCode: 'submit-outcome-unknown',
  },
  {
    reason: 'what holds a run up is its reason',
    lastError: { code: 'engine-unavailable', message: '-', at: '-' },
    state: 'PENDING',
    stateReason: 'engine-unavailable',
  },
  {
    reason: 'a verdict of ours that is no failure says why',
    desired: 'cancelled',
    execution: { outcome: 'unknown' },
    verdict: { state: 'CANCELLED', reason: 'never-seen-on-engine' },
    state: 'CANCELLED',
    stateReason: 'never-seen-on-engine',
  },
  {
    reason: 'stopped on the engine as we wanted it needs no words',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'cancelled' }),
    state: 'CANCELLED',
  },
  {
    reason: 'evidence of a stop that nobody wanted any more takes no success back',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'succeeded', stopEvidence: true }),
    state: 'COMPLETED',
  },
  {
    reason: 'failed after a cancel that is not wanted any more has failed',
    execution: { outcome: 'known', cancelSentAt: ago(10) },
    observed: facts({ phase: 'failed' }),
    state: 'FAILED',
    failureCode: 'engine-reported-failure',
  },
  {
    reason: 'what holds a cancel up is its reason',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts(),
    lastError: OVERDUE,
    state: 'CANCELLING',
    stateReason: 'cancel-overdue',
  },
  {
    reason: 'I4: nor does the word of the engine hide that it is overdue',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    observed: facts({ stateReason: 'node-offline' }),
    lastError: OVERDUE,
    state: 'CANCELLING',
    stateReason: 'cancel-overdue',
  },
  {
    reason: 'also before the engine showed anything',
    desired: 'cancelled',
    execution: { outcome: 'known' },
    lastError: OVERDUE,
    state: 'CANCELLING',
    stateReason: 'cancel-overdue',
  },
  ...['engine-run-absent', 'engine-suspect'].map((code) => ({
    reason: `an engine without the run has no word of it: ${code}`,
    execution: { outcome: 'known' as const },
    observed: facts({ stateReason: 'engine-queue' }),
    lastError: { code, message: '-', at: '-' },
    state: 'RUNNING' as const,
    stateReason: code,
  })),
  {
    reason: 'the word of the engine goes before our own error',
    execution: { outcome: 'known' },
    observed: facts({ phase: 'paused', stateReason: 'held-by-operator' }),
    lastError: OVERDUE,
    state: 'PAUSED',
    stateReason: 'held-by-operator',
  },
  {
    reason: 'what holds a retry up is its reason',
    execution: { verb: 'retry' },
    lastError: { code: 'draining', message: '-', at: '-' },
    state: 'RETRYING',
    stateReason: 'draining',
  },
  {
    reason: 'rule 2: what the engine refused is cancelled at once',
    desired: 'cancelled',
    execution: { outcome: 'refused' },
    state: 'CANCELLED',
  },
  {
    reason: 'rule 9: a pause cannot hold a submit that went out',
    desired: 'paused',
    execution: { outcome: 'in_flight' },
    state: 'PENDING',
  },
];

function input(row: Row): FoldInput {
  return {
    desired: row.desired ?? 'run',
    execution: anExecution(row.execution),
    observed: row.observed ?? null,
    verdict: row.verdict ?? null,
    lastError: row.lastError ?? null,
  };
}

describe('fold', () => {
  test.each(rows)('$reason: $state', (row) => {
    const folded = fold(input(row));
    expect(folded.state).toBe(row.state);
    expect(folded.stateReason).toBe(row.stateReason ?? null);
    expect(folded.failure?.code).toBe(row.failureCode);
  });

  test('a failure without words is the fault of the engine, and said so', () => {
    const { failure } = fold(input({ reason: '', state: 'FAILED', observed: facts({ phase: 'failed' }) }));
    expect(failure).toEqual({
      class: 'engine',
      code: 'engine-reported-failure',
      message: 'The engine reported a failure and no reason.',
    });
  });

  test('a phase that it does not know is a mistake of ours, never a state', () => {
    const observed = facts({ phase: 'melted' as never });
    expect(() => fold(input({ reason: '', state: 'FAILED', observed }))).toThrow('phase: unhandled "melted"');
  });

  test('is total, and has a failure exactly when it says FAILED', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...DESIRED),
        fc.constantFrom(...OUTCOMES),
        fc.constantFrom('submit' as const, 'retry' as const),
        fc.option(fc.constantFrom(...RUN_PHASES)),
        fc.boolean(),
        fc.boolean(),
        (desired, outcome, verb, phase, stopEvidence, sent) => {
          const folded = fold({
            desired,
            execution: anExecution({ outcome, verb, cancelSentAt: sent ? ago(1) : null }),
            observed: phase === null ? null : facts({ phase, stopEvidence }),
            verdict: null,
            lastError: null,
          });
          expect(RUN_STATES).toContain(folded.state);
          expect(folded.failure !== null).toBe(folded.state === 'FAILED');
        },
      ),
    );
  });
});
