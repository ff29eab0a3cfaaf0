/** What an accepted lifecycle request changes in a record: the wish, and for RETRY the generation. Pure. */
import type { Capabilities } from '../../adapters/spi/engine-adapter.js';
import { assertNever } from '../platform/assert-never.js';
import type { LifecycleRequestType } from './lifecycle-event.js';
import type { Execution, RunRecord } from './run-record.js';
import { runKey } from './run-key.js';

/** How long a run that ended without the engine's word is still looked for on the engine. */
export const TOMBSTONE_MS = 24 * 60 * 60 * 1000;

export function withRequest(
  run: RunRecord,
  type: LifecycleRequestType,
  retryKind: Capabilities['retryKind'],
  task: RunRecord['retryTask'] = null,
): RunRecord {
  // Every request makes the run due at once, whatever back-off it was in; what still has to settle does.
  const lastError = run.lastError?.code === 'settling' ? run.lastError : null;
  const inPlace = isInPlace(run, retryKind);
  const due = { desiredAt: run.readAt, nextActionAt: run.readAt, failures: 0, lastError };
  switch (type) {
    case 'CANCEL':
      return { ...run, ...due, desired: 'cancelled' };
    case 'PAUSE':
      // A pause before it may have been resumed since: this one is sent.
      return { ...run, ...due, desired: 'paused', execution: { ...run.execution, pauseSent: false } };
    case 'RESUME':
      return { ...run, ...due, desired: 'run', execution: toBeResumed(run) };
    case 'RETRY':
      return {
        ...run,
        ...due,
        desired: 'run',
        lastError: settling(run, inPlace),
        retryTask: task,
        generation: run.generation + 1,
        execution: nextExecution(run, inPlace),
        observed: null,
        verdict: null,
        absentSince: null,
        absences: 0,
        readError: null,
        // Of the generation before: a pass that saw it has not seen this one.
        submittedAt: null,
        observedAt: null,
        tasksObservedAt: null,
      };
    default:
      return assertNever('lifecycle request', type);
  }
}

/** Whoever paused it on the engine, and whether or not our own pause arrived: a resume is sent. */
function toBeResumed(run: RunRecord): Execution {
  const held = run.execution.outcome === 'known' && (run.state === 'PAUSED' || run.desired === 'paused');
  return held ? { ...run.execution, pauseSent: true } : run.execution;
}

/** What a call of the generation before may still do has to have happened before a new one goes out. */
function settling(run: RunRecord, inPlace: boolean): RunRecord['lastError'] {
  const { outcome, attemptedAt, tombstoneUntil, cancelSentAt, cancelMode, endedAt } = run.execution;
  const mayArrive = outcome === 'unknown' || outcome === 'in_flight' || tombstoneUntil !== null;
  // Nobody knows whether it arrived, and it would stop what has the same key. After the end none was begun.
  const mayStop = inPlace && cancelSentAt !== null && cancelMode === null;
  const at = mayStop ? (endedAt ?? run.readAt) : mayArrive ? attemptedAt : null;
  if (at === null) return null;
  return { code: 'settling', message: 'The call of the generation before may still arrive.', at: at.toISOString() };
}

function isInPlace(run: RunRecord, retryKind: Capabilities['retryKind']): boolean {
  return retryKind === 'in-place' && run.execution.outcome === 'known' && run.verdict === null;
}

/**
 * In place where the engine keeps the object and has it; otherwise a submit under a key of its own. What we gave up may still
 * surface and be cancelled under its key, so its key is never used again.
 */
function nextExecution(run: RunRecord, inPlace: boolean): Execution {
  const previous = run.execution;
  const generation = run.generation + 1;
  return {
    generation,
    key: inPlace ? previous.key : runKey(run.token, generation),
    verb: inPlace ? 'retry' : 'submit',
    outcome: 'none',
    firstAttemptedAt: null,
    attemptedAt: null,
    absentSince: null,
    absentUntil: null,
    lookups: 0,
    externalId: inPlace ? previous.externalId : null,
    engineUid: inPlace ? previous.engineUid : null,
    engineEpoch: inPlace ? previous.engineEpoch : null,
    baseline: null,
    cancelSentAt: null,
    cancelMode: null,
    pauseSent: false,
    endedAt: null,
    tombstoneUntil: null,
  };
}
