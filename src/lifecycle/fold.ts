/** state = fold(wish, execution, facts): pure and total. The column `state` holds its result. */
import { assertNever } from '../platform/assert-never.js';
import type { Failure } from '../../adapters/spi/facts.js';
import type { Desired, Execution, Observed, RunError, Verdict } from './run-record.js';
import type { RunState } from './run-state.js';

export interface FoldInput {
  desired: Desired;
  execution: Execution;
  observed: Observed | null;
  verdict: Verdict | null;
  lastError: RunError | null;
}

export interface Folded {
  state: RunState;
  stateReason: string | null;
  /** Present exactly when the state is FAILED. */
  failure: Failure | null;
}

export function fold(input: FoldInput): Folded {
  if (input.verdict) return foldVerdict(input.verdict);
  return input.observed ? foldObserved(input, input.observed) : foldUnseen(input);
}

function foldVerdict(verdict: Verdict): Folded {
  return verdict.state === 'FAILED'
    ? { state: 'FAILED', stateReason: null, failure: verdict.failure }
    : { state: 'CANCELLED', stateReason: verdict.reason, failure: null };
}

/** The engine has told us something about this generation. */
function foldObserved(input: FoldInput, observed: Observed): Folded {
  const wanted = input.desired === 'cancelled';
  switch (observed.phase) {
    case 'succeeded':
      // Without the marks of a stop the engine was faster than the cancel.
      if (wanted && observed.stopEvidence) return plain('CANCELLED');
      return plain('COMPLETED', wanted ? 'finished-before-cancel' : null);
    case 'failed':
      if (wanted && input.execution.cancelSentAt) return plain('CANCELLED');
      return { state: 'FAILED', stateReason: null, failure: observed.failure ?? UNSAID };
    case 'cancelled':
      return plain('CANCELLED', wanted ? null : 'cancelled-on-engine');
    case 'scheduled':
    case 'running':
    case 'paused':
      if (wanted) return plain('CANCELLING', reason(input));
      if (observed.phase === 'paused') return plain('PAUSED', reason(input));
      return plain(observed.phase === 'running' ? 'RUNNING' : 'SCHEDULED', reason(input));
    default:
      return assertNever('phase', observed.phase);
  }
}

/** The engine has told us nothing about this generation yet. */
function foldUnseen(input: FoldInput): Folded {
  const { desired, execution } = input;
  const untouched = execution.outcome === 'none' || execution.outcome === 'refused';
  if (desired === 'cancelled') {
    // What never reached the engine needs nobody's confirmation.
    return untouched ? plain('CANCELLED') : plain('CANCELLING', reason(input));
  }
  if (execution.verb === 'retry') return plain('RETRYING', reason(input));
  // An accepted execution is never PENDING.
  if (execution.outcome === 'known') return plain('SCHEDULED', reason(input));
  if (desired === 'paused' && untouched) return plain('PAUSED', 'submit-held');
  return plain('PENDING', execution.outcome === 'unknown' ? 'submit-outcome-unknown' : reason(input));
}

function reason({ desired, observed, lastError }: FoldInput): string | null {
  const said = observed?.stateReason ?? null;
  const ours = lastError?.code ?? null;
  // What the client waits for goes before why the engine does not do it, and that it has no such run before its last word of it.
  if ((desired === 'cancelled' && ours === 'cancel-overdue') || ABSENCES.includes(ours)) return ours;
  // With the engine's own diagnosis, where it has one.
  if (ours === 'stuck') return `stuck: ${said ?? 'not-started'}`;
  return said ?? ours;
}

const ABSENCES: readonly (string | null)[] = ['engine-run-absent', 'engine-suspect'];

function plain(state: RunState, stateReason: string | null = null): Folded {
  return { state, stateReason, failure: null };
}

const UNSAID: Failure = {
  class: 'engine',
  code: 'engine-reported-failure',
  message: 'The engine reported a failure and no reason.',
};
