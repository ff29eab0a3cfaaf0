/**
 * The one next thing to do for a run: nextStep(record, context) -> step. Pure; "now" is the record's `readAt`. Level-triggered:
 * it looks at wish, execution and facts as they are, never at what happened before.
 */
import type { Capabilities } from '../../adapters/spi/engine-adapter.js';
import type { Failure } from '../../adapters/spi/facts.js';
import type { Execution, RunRecord } from '../lifecycle/run-record.js';
import { isFinal } from '../lifecycle/run-state.js';
import { TOMBSTONE_MS } from '../lifecycle/with-request.js';

export interface StepContext {
  capabilities: Pick<Capabilities, 'dedupeHorizonMs' | 'verbs'>;
  /** As this process read it last; undefined = in doubt. Before a submit is repeated it is read once more. */
  epoch: string | undefined;
  submitGraceMs: number;
  cancelGraceMs: number;
}

export type Step =
  /** `dueInMs` null: nothing is due until an observation, a request or the reconciler says so. */
  | { do: 'rest'; dueInMs: number | null; reason?: { code: string; message: string }; why: string }
  | { do: 'submit'; why: string }
  | { do: 'find'; why: string }
  | { do: 'observe'; why: string }
  | { do: 'baseline'; why: string }
  | { do: 'retry'; why: string }
  | { do: 'cancel'; mode: 'graceful' | 'force'; why: string }
  | { do: 'pause'; why: string }
  | { do: 'resume'; why: string }
  | { do: 'fail'; failure: Failure; tombstoneMs: number | null; why: string }
  | { do: 'give-up-cancelled'; tombstoneMs: number; why: string };

/** Look-ups of an unknown outcome: after the first, second, third, and every later one, in milliseconds after the attempt. */
const LOOKUP_AT_MS = [1_000, 5_000, 30_000];
const LATER_LOOKUP_MS = 15_000;
const WATCHED_VISIT_MS = 1_000;
const CANCEL_VISIT_MS = 1_000;
/** Only in case the registrar's word is lost: it makes waiting runs due itself. */
const REGISTRATION_VISIT_MS = 15_000;
const DRAIN_VISIT_MS = 1_000;
/** How long after its call an execution that was not seen yet is visited; then it is left to the reconciler. */
const UNSEEN_VISITS_MS = 10_000;

export function nextStep(run: RunRecord, ctx: StepContext): Step {
  if (isFinal(run.state)) return afterEnd(run);
  const { outcome, verb } = run.execution;
  if (outcome === 'none') return beforeFirstCall(run, ctx);
  if (outcome === 'in_flight' || outcome === 'unknown') {
    return verb === 'submit' ? afterUnknownSubmit(run, ctx) : afterUnknownRetry(run, ctx);
  }
  if (run.desired === 'cancelled') return cancelKnown(run, ctx);
  if (ctx.capabilities.verbs.pause !== 'none') {
    if (run.desired === 'paused' && !run.execution.pauseSent)
      return { do: 'pause', why: 'a pause is wanted and was not sent' };
    if (run.desired === 'run' && run.execution.pauseSent)
      return { do: 'resume', why: 'the pause we sent is no longer wanted' };
  }
  return run.observed === null ? unseen(run) : watched(run);
}

/** A visit planned at the end is for tasks whose state was inferred; nothing else is due any more. */
function afterEnd(run: RunRecord): Step {
  return run.nextActionAt === null
    ? rest(null, 'the run has ended')
    : { do: 'observe', why: 'inferred task runs may be corrected' };
}

function beforeFirstCall(run: RunRecord, ctx: StepContext): Step {
  if (run.desired === 'paused') return rest(null, 'the submit is held');
  const waitMs = settlesForMs(run, ctx.submitGraceMs);
  if (waitMs > 0) return { ...rest(waitMs, 'the generation before settles'), ...keepReason(run) };
  return run.execution.verb === 'submit' ? beforeSubmit(run) : beforeRetry(run);
}

/** Milliseconds that a call of the generation before still has to happen in; 0 or less = none. */
export function settlesForMs(run: RunRecord, submitGraceMs: number): number {
  return run.lastError?.code === 'settling' ? submitGraceMs - sinceMs(run, new Date(run.lastError.at)) : 0;
}

function beforeSubmit(run: RunRecord): Step {
  switch (run.registration) {
    case 'READY':
    case 'RETIRED':
      return { do: 'submit', why: 'wanted and never sent' };
    case 'FAILED':
      return fail('registration-failed', 'user', 'The engine did not accept the definition of this workflow.');
    case 'PENDING': {
      const reason = { code: 'registration-pending', message: 'The engine is still taking in the definition.' };
      return { ...rest(REGISTRATION_VISIT_MS, 'registration is pending'), reason };
    }
  }
}

function beforeRetry(run: RunRecord): Step {
  if (run.execution.baseline !== null) return { do: 'retry', why: 'wanted and never sent' };
  const draining = run.lastError?.code === 'draining' ? run.lastError : null;
  const waitMs = draining === null ? 0 : DRAIN_VISIT_MS - sinceMs(run, new Date(draining.at));
  if (waitMs > 0) return { ...rest(waitMs, 'draining'), ...keepReason(run) };
  return { do: 'baseline', why: 'what the retry has to change, and what is still alive, is not known yet' };
}

/** A submit went out (or may have) and its result is not stored: look up by key, never call blindly. */
function afterUnknownSubmit(run: RunRecord, ctx: StepContext): Step {
  const { execution } = run;
  const remembers = sinceMs(run, execution.firstAttemptedAt ?? run.readAt) < ctx.capabilities.dedupeHorizonMs / 2;
  // An epoch in doubt (undefined) equals none, not even one that was never stored (null).
  const sameMemory = ctx.epoch === execution.engineEpoch;
  if (execution.absentSince !== null && run.desired === 'run' && remembers && sameMemory) {
    return { do: 'submit', why: 'positively absent, and the engine refuses a second execution under this key' };
  }
  const ripe = isAbsentForGrace(execution, ctx);
  if (ripe && run.desired === 'cancelled') {
    return { do: 'give-up-cancelled', tombstoneMs: TOMBSTONE_MS, why: 'positively absent past the grace' };
  }
  if (ripe && run.desired === 'run' && ctx.epoch !== undefined) {
    return {
      ...fail(
        'submit-outcome-unknown',
        'engine',
        'The engine did not confirm the submit, does not have the execution, and cannot be asked again without the risk of a second one.',
      ),
      tombstoneMs: TOMBSTONE_MS,
    };
  }
  const waitMs = untilLookupMs(run, ctx);
  if (waitMs > 0) return { ...rest(waitMs, 'the next look-up is not due'), ...keepReason(run) };
  return { do: 'find', why: 'the outcome of the submit is unknown' };
}

function afterUnknownRetry(run: RunRecord, ctx: StepContext): Step {
  const { absentSince } = run.execution;
  const cancelled = run.desired === 'cancelled';
  if (cancelled && isAbsentForGrace(run.execution, ctx)) {
    return { do: 'give-up-cancelled', tombstoneMs: TOMBSTONE_MS, why: 'the retry did not arrive within the grace' };
  }
  const waitMs = untilLookupMs(run, ctx);
  if (waitMs > 0) return { ...rest(waitMs, 'the next look is not due'), ...keepReason(run) };
  if (cancelled || absentSince === null) return { do: 'observe', why: 'the outcome of the retry is unknown' };
  return { do: 'retry', why: 'the engine shows the baseline: the retry did not arrive' };
}

function cancelKnown(run: RunRecord, ctx: StepContext): Step {
  const { cancelSentAt, cancelMode } = run.execution;
  if (cancelSentAt === null) return { do: 'cancel', mode: 'graceful', why: 'a cancel is wanted and was not sent' };
  const sentMs = sinceMs(run, cancelSentAt);
  if (cancelMode !== 'force' && sentMs > ctx.cancelGraceMs) {
    return { do: 'cancel', mode: 'force', why: 'the graceful cancel is overdue' };
  }
  if (cancelMode === null) return { do: 'cancel', mode: 'graceful', why: 'nobody knows whether the cancel arrived' };
  const lastMs = run.observedAt === null ? Infinity : sinceMs(run, run.observedAt);
  const everyMs = sentMs < 10_000 ? CANCEL_VISIT_MS : CANCEL_VISIT_MS * 5;
  return lastMs >= everyMs
    ? { do: 'observe', why: 'a cancel is under way' }
    : { ...rest(everyMs - lastMs, 'just looked'), ...keepReason(run) };
}

/** Accepted, or the retry sent, and not seen yet: looked at often at first. */
function unseen(run: RunRecord): Step {
  const { attemptedAt } = run.execution;
  const recent = attemptedAt !== null && sinceMs(run, attemptedAt) < UNSEEN_VISITS_MS;
  return recent ? visit(run, 'accepted, not yet seen') : watched(run);
}

/** Somebody waits for this run or streams it: the engine is asked sooner than the reconciler would. */
function watched(run: RunRecord): Step {
  const isWatched = run.watchedUntil !== null && run.watchedUntil > run.readAt;
  return isWatched ? visit(run, 'somebody watches') : rest(null, 'nothing to do until something changes');
}

function visit(run: RunRecord, why: string): Step {
  const lastMs =
    run.observedAt === null ? sinceMs(run, run.execution.attemptedAt ?? run.createdAt) : sinceMs(run, run.observedAt);
  return lastMs >= WATCHED_VISIT_MS ? { do: 'observe', why } : rest(WATCHED_VISIT_MS - lastMs, why);
}

/** The plan of look-ups; the end of the grace is not slept through, and has a look of its own. */
function untilLookupMs(run: RunRecord, ctx: StepContext): number {
  const { attemptedAt, absentSince, lookups } = run.execution;
  if (attemptedAt === null) return 0;
  const planned =
    LOOKUP_AT_MS[lookups] ?? (LOOKUP_AT_MS.at(-1) ?? 0) + (lookups - LOOKUP_AT_MS.length + 1) * LATER_LOOKUP_MS;
  const isOpen = absentSince !== null && !isAbsentForGrace(run.execution, ctx);
  const graceMs = isOpen ? ctx.submitGraceMs - sinceMs(run, absentSince) : Infinity;
  return Math.max(0, Math.min(planned - sinceMs(run, attemptedAt), graceMs));
}

/** The grace is over once a look that began after it was in vain: one before it says nothing about what arrived since. */
function isAbsentForGrace({ absentSince, absentUntil }: Execution, ctx: StepContext): boolean {
  if (absentSince === null || absentUntil === null) return false;
  return absentUntil.getTime() - absentSince.getTime() >= ctx.submitGraceMs;
}

function sinceMs(run: RunRecord, from: Date): number {
  return run.readAt.getTime() - from.getTime();
}

function keepReason(run: RunRecord): { reason?: { code: string; message: string } } {
  return run.lastError ? { reason: { code: run.lastError.code, message: run.lastError.message } } : {};
}

function rest(dueInMs: number | null, why: string): Extract<Step, { do: 'rest' }> {
  return { do: 'rest', dueInMs, why };
}

function fail(code: string, failureClass: Failure['class'], message: string): Extract<Step, { do: 'fail' }> {
  return { do: 'fail', failure: { class: failureClass, code, message }, tombstoneMs: null, why: message };
}
