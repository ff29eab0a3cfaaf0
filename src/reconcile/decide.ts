/**
 * What an observation means for a run: decide(record, observation) -> decision. Pure: time is in the record (`readAt`, the
 * database's clock) and in the ticket; tested by a table with a reason per row.
 */
import { isDeepStrictEqual } from 'node:util';
import { FINAL_PHASES, type Observation, type PresentExecution } from '../../adapters/spi/facts.js';
import type { Cause, NewEvent } from '../lifecycle/refold.js';
import { refold } from '../lifecycle/refold.js';
import type { Execution, Observed, RunRecord } from '../lifecycle/run-record.js';
import { isFinal } from '../lifecycle/run-state.js';
import { TOMBSTONE_MS } from '../lifecycle/with-request.js';

export interface ObservationContext {
  /** Taken before the engine was asked. */
  ticket: number;
  /** The database's clock when the ticket was taken. */
  at: Date;
  source: Cause['source'];
  /** A pass of the reconciler: only its absences count towards the verdict. */
  pass: boolean;
  /** The look of whoever drives the run: no call for it is under way. */
  driving: boolean;
  /** The engine's memory is positively the one the run was given to. */
  epoch: string | undefined;
  engineMissingGraceMs: number;
  /** How long an engine may hold what it accepted before the run is said to be stuck, in milliseconds. */
  stuckAfterMs: number;
  /** On a read: age from which task facts are too old, in milliseconds. A pass refreshes tasks after a change alone. */
  taskRefreshIntervalMs: number | null;
  /** How long after the end inferred task runs may be corrected, in milliseconds. */
  taskSettleMs: number;
}

export type Decision =
  /** Nothing to write. */
  | { do: 'nothing'; why: string; unknownWord?: string }
  /** Write `record`, append `events`; store the task runs of the observation, if it has any. */
  | { do: 'store'; why: string; record: RunRecord; events: NewEvent[]; unknownWord?: string }
  /** The facts call for the whole execution with its tasks before anything is written. */
  | { do: 'observe-whole'; why: string }
  /** The run has ended and stays as it is; what the engine says of its tasks replaces what was inferred. */
  | { do: 'correct-tasks'; why: string }
  /** The engine contradicts a final state, or holds what we gave up: listed, never mended by guessing. */
  | { do: 'drift'; why: string; kind: 'state' | 'late-execution'; detail: string };

/** Passes that must have seen a positive absence before it can become a verdict. */
export const ABSENCES_FOR_VERDICT = 3;

export function decide(run: RunRecord, observation: Observation, ctx: ObservationContext): Decision {
  if (ctx.ticket <= run.observedTicket) return nothing('a newer observation was applied already');
  switch (observation.presence) {
    case 'present':
      return isFinal(run.state) ? decideFinal(run, observation, ctx) : decidePresent(run, observation, ctx);
    case 'absent':
      return isFinal(run.state) ? nothing('the run has ended') : decideAbsent(run, ctx);
    case 'unread':
      return isFinal(run.state) ? nothing('the run has ended') : decideUnread(run, observation.reason, ctx);
  }
}

function decidePresent(run: RunRecord, seen: PresentExecution, ctx: ObservationContext): Decision {
  if (run.execution.verb === 'retry' && !belongsToRetry(run, seen)) return decideOlderGeneration(run, seen, ctx);
  const whole = seen.taskRuns !== undefined;
  const phase = seen.phase ?? run.observed?.phase;
  const unknownWord = seen.phase === undefined ? { unknownWord: seen.engineState } : {};
  if (phase !== undefined && FINAL_PHASES.includes(phase) && !whole) {
    return { do: 'observe-whole', why: 'final means settled: the tasks are read before the final state is committed' };
  }
  if (phase === 'failed' && !ctx.driving && isBeingCancelled(run)) {
    return nothing('whether the cancel is what ended it is known with the answer to it');
  }
  const observed = phase === undefined ? null : toObserved(run.observed, seen, phase, ctx.at);
  const execution = known(run.execution, seen, ctx);
  const changed = !isDeepStrictEqual(run.observed, observed) || !isDeepStrictEqual(run.execution, execution);
  if (!whole && (changed || tooOld(run.tasksObservedAt, ctx))) {
    return { do: 'observe-whole', why: changed ? 'the run changed' : 'task facts are old' };
  }
  const healed = run.readError !== null || run.absentSince !== null;
  const stuckChanged = (run.lastError?.code === 'stuck') !== (stuck(run, observed, ctx) !== null);
  if (!changed && !whole && !healed && !stuckChanged) return { ...nothing('nothing changed'), ...unknownWord };
  const record: RunRecord = {
    ...run,
    observed,
    execution,
    observedTicket: ctx.ticket,
    observedAt: ctx.at,
    tasksObservedAt: whole ? ctx.at : run.tasksObservedAt,
    absentSince: null,
    absences: 0,
    readError: null,
    engineUrl: seen.engineUrl ?? run.engineUrl,
    submittedAt: run.submittedAt ?? ctx.at,
  };
  return {
    do: 'store',
    why: changed ? 'facts changed' : stuckChanged ? 'stuck, or no longer' : 'facts confirmed',
    ...settle(run, record, ctx),
    ...unknownWord,
  };
}

/** The call may be held back, or find that the run has ended: then it was never sent. */
function isBeingCancelled({ desired, execution, leaseUntil, readAt }: RunRecord): boolean {
  if (desired !== 'cancelled' || execution.cancelSentAt === null || execution.cancelMode !== null) return false;
  return leaseUntil !== null && leaseUntil > readAt;
}

/** Only what differs from the baseline was done by the retry; what equals it is "not yet visible", never a result. */
function belongsToRetry(run: RunRecord, seen: PresentExecution): boolean {
  const { baseline } = run.execution;
  if (baseline === null) return false;
  return seen.baseline === undefined ? run.observed !== null : seen.baseline !== baseline;
}

function decideOlderGeneration(run: RunRecord, seen: PresentExecution, ctx: ObservationContext): Decision {
  if (seen.baseline === undefined && run.execution.baseline !== null) {
    return { do: 'observe-whole', why: 'a list cannot tell to which generation this belongs' };
  }
  if (run.readError === null && run.absentSince === null) return nothing('the retry is not yet visible on the engine');
  const record = {
    ...run,
    observedTicket: ctx.ticket,
    observedAt: ctx.at,
    absentSince: null,
    absences: 0,
    readError: null,
  };
  return { do: 'store', why: 'the engine answers again', ...settle(run, record, ctx) };
}

/**
 * Gone is a verdict: positive, repeated, past the grace. It ends a run that is wanted only while the engine's memory is the one
 * we wrote into.
 */
function decideAbsent(run: RunRecord, ctx: ObservationContext): Decision {
  const { outcome, verb } = run.execution;
  if (outcome !== 'known' && verb !== 'retry') return nothing('the engine is not known to have had it');
  const absentSince = run.absentSince ?? ctx.at;
  const absences = run.absences + (ctx.pass ? 1 : 0);
  const record: RunRecord = { ...run, absentSince, absences, observedTicket: ctx.ticket, readError: null };
  // An epoch that could not be read (undefined) equals none, not even one that was never stored (null).
  const sameMemory = ctx.epoch === run.execution.engineEpoch;
  const ripe = absences >= ABSENCES_FOR_VERDICT && ctx.at.getTime() - absentSince.getTime() >= ctx.engineMissingGraceMs;
  if (ripe && run.desired === 'cancelled') {
    // Nobody wants it any more, so that nothing is lost if it surfaces, whatever the engine's memory is: it is looked for, and
    // cancelled on sight.
    record.verdict = { state: 'CANCELLED', reason: 'gone-from-engine' };
    record.execution = { ...run.execution, tombstoneUntil: new Date(ctx.at.getTime() + TOMBSTONE_MS) };
    return { do: 'store', why: 'not wanted, and missing long enough', ...settle(run, record, ctx) };
  }
  if (ripe && sameMemory) {
    record.verdict = {
      state: 'FAILED',
      failure: {
        class: 'engine',
        code: 'engine-run-missing',
        message: `The engine has not had this execution since ${absentSince.toISOString()}.`,
      },
    };
    return { do: 'store', why: 'missing long enough on an unchanged engine', ...settle(run, record, ctx) };
  }
  record.lastError = overdue(run) ?? {
    code: sameMemory ? 'engine-run-absent' : 'engine-suspect',
    message: sameMemory ? 'The engine does not have this execution.' : 'The memory of the engine is in doubt.',
    at: ctx.at.toISOString(),
  };
  return { do: 'store', why: 'absent, not yet a verdict', ...settle(run, record, ctx) };
}

/** Unreachable is not gone: the facts stay, the cause is shown. */
function decideUnread(run: RunRecord, reason: string, ctx: ObservationContext): Decision {
  if (run.readError?.message === reason) return nothing('still unread for the same reason');
  const readError = { code: 'unread', message: reason, at: ctx.at.toISOString() };
  return { do: 'store', why: 'unread', ...refold(run, { ...run, readError }, { type: 'STATE', source: ctx.source }) };
}

function decideFinal(run: RunRecord, seen: PresentExecution, ctx: ObservationContext): Decision {
  const active = seen.phase !== undefined && !FINAL_PHASES.includes(seen.phase);
  if (!active) {
    const { endedAt } = run.execution;
    const settling = endedAt !== null && ctx.at.getTime() - endedAt.getTime() <= ctx.taskSettleMs;
    return settling && seen.taskRuns
      ? { do: 'correct-tasks', why: 'tasks settle for a while after the end' }
      : nothing('the run has ended');
  }
  if (run.verdict) {
    const kind = 'late-execution' as const;
    return {
      do: 'drift',
      why: 'surfaced after we gave it up',
      kind,
      detail: `found ${seen.engineState} at ${ctx.at.toISOString()}`,
    };
  }
  // Of two looks under way at once the engine may come to the later asked first: only one that began after the end contradicts it.
  const { endedAt } = run.execution;
  if (endedAt !== null && ctx.at <= endedAt) return nothing('asked before the end was seen');
  const detail = `the run is ${run.state}, the engine says ${seen.engineState}`;
  return { do: 'drift', why: 'the engine runs again after the end', kind: 'state', detail };
}

function settle(
  before: RunRecord,
  record: RunRecord,
  ctx: ObservationContext,
): { record: RunRecord; events: NewEvent[] } {
  const seen = record.observed !== null && record.absentSince === null;
  const cleared = seen ? { ...record, lastError: overdue(record) ?? stuck(record, record.observed, ctx) } : record;
  return refold(before, cleared, { type: 'STATE', source: ctx.source });
}

/** Errors that only said "not seen" end with a sight, and come with an absence; an overdue cancel stays said. */
function overdue(record: RunRecord): RunRecord['lastError'] {
  return record.lastError?.code === 'cancel-overdue' ? record.lastError : null;
}

/** Accepted, wanted, and for too long not started: the engine shows no error, and the client has to see one. */
function stuck(run: RunRecord, observed: Observed | null, ctx: ObservationContext): RunRecord['lastError'] {
  if (run.desired !== 'run' || observed?.phase !== 'scheduled') return null;
  if (ctx.at.getTime() - Date.parse(observed.phaseSince) < ctx.stuckAfterMs) return null;
  const message = `The engine has the run since ${observed.phaseSince} and has not started it.`;
  return { code: 'stuck', message, at: run.lastError?.code === 'stuck' ? run.lastError.at : ctx.at.toISOString() };
}

/** What a list leaves out is as it was. */
function toObserved(last: Observed | null, seen: PresentExecution, phase: Observed['phase'], at: Date): Observed {
  return {
    phase,
    phaseSince: last?.phase === phase ? last.phaseSince : at.toISOString(),
    stateReason: seen.stateReason ?? (seen.taskRuns === undefined && last?.phase === phase ? last.stateReason : null),
    failure: seen.failure ?? last?.failure ?? null,
    // What was once marked as stopped on request stays so.
    stopEvidence: seen.stopEvidence || (last?.stopEvidence ?? false),
    baseline: seen.baseline ?? last?.baseline ?? null,
    liveTasks: seen.liveTasks ?? last?.liveTasks ?? 0,
    startedAt: seen.startedAt?.toISOString() ?? last?.startedAt ?? null,
    finishedAt: seen.finishedAt?.toISOString() ?? last?.finishedAt ?? null,
    outputs: seen.outputs ?? last?.outputs ?? null,
  };
}

function known(execution: Execution, seen: PresentExecution, ctx: ObservationContext): Execution {
  return {
    ...execution,
    outcome: 'known',
    absentSince: null,
    absentUntil: null,
    externalId: seen.externalId,
    engineUid: seen.engineUid ?? execution.engineUid,
    engineEpoch: execution.engineEpoch ?? ctx.epoch ?? null,
  };
}

function tooOld(at: Date | null, ctx: ObservationContext): boolean {
  if (ctx.taskRefreshIntervalMs === null) return false;
  return at === null || ctx.at.getTime() - at.getTime() > ctx.taskRefreshIntervalMs;
}

function nothing(why: string): { do: 'nothing'; why: string } {
  return { do: 'nothing', why };
}
