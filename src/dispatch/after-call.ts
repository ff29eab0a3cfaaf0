/** What the answer of an engine to a mutating call, or the lack of one, makes of a run. Pure. */
import type { FindOutcome, KnownExecution, SubmitOutcome } from '../../adapters/spi/engine-adapter.js';
import type { EngineError } from '../../adapters/spi/engine-error.js';
import { FINAL_PHASES, type PresentExecution } from '../../adapters/spi/facts.js';
import { assertNever } from '../platform/assert-never.js';
import { backOffMs } from '../platform/back-off.js';
import type { Execution, Outcome, RunRecord } from '../lifecycle/run-record.js';
import { TOMBSTONE_MS } from '../lifecycle/with-request.js';

export type Patch = Partial<RunRecord>;

/** Differs from every baseline an engine has: whatever is seen from now on belongs to this generation. */
const NO_BASELINE = '';

export function afterAccepted(run: RunRecord, outcome: Partial<KnownExecution> | SubmitOutcome): Patch {
  if ('outcome' in outcome && outcome.outcome === 'conflict') return engineConflict(run, outcome.message);
  const told: Partial<KnownExecution> = outcome;
  const { execution } = run;
  return {
    failures: 0,
    lastError: null,
    submittedAt: run.submittedAt ?? run.readAt,
    engineUrl: told.engineUrl ?? run.engineUrl,
    execution: {
      ...execution,
      outcome: 'known',
      absentSince: null,
      absentUntil: null,
      externalId: told.externalId ?? execution.externalId,
      engineUid: told.engineUid ?? execution.engineUid,
    },
  };
}

/** `askedAt`: when the look began, on the database's clock. */
export function afterFind(run: RunRecord, outcome: FindOutcome, askedAt: Date): Patch {
  switch (outcome.outcome) {
    case 'found':
      return afterAccepted(run, outcome);
    case 'conflict':
      return engineConflict(run, outcome.message);
    case 'absent': {
      const { execution } = run;
      // It was seen while we asked: that is newer.
      if (execution.outcome === 'known') return {};
      return { failures: 0, execution: notFound(run, askedAt) };
    }
    default:
      return assertNever('find outcome', outcome);
  }
}

/** What a look for a retry of unknown outcome makes of it, when the engine shows the baseline. */
export function afterUnseenRetry(run: RunRecord, askedAt: Date): Patch {
  // It was seen while we asked: that is newer.
  if (run.execution.outcome === 'known' || run.observed !== null) return {};
  return { execution: notFound(run, askedAt) };
}

/** One more look in vain: absent for certain from the end of the first one to the beginning of this one. */
function notFound({ execution, readAt }: RunRecord, askedAt: Date): Execution {
  return {
    ...execution,
    outcome: 'unknown',
    absentSince: execution.absentSince ?? readAt,
    absentUntil: askedAt,
    lookups: execution.lookups + 1,
  };
}

/**
 * What the last look before a retry shows: what the verb has to change, tasks of the generation before that are still alive,
 * or an execution that somebody restarted already. `ticket` was taken before the look.
 */
export function afterBaseline(run: RunRecord, seen: PresentExecution, ticket: number, drainGraceMs: number): Patch {
  // Somebody sent the retry while we looked: what we saw may be its result, and must not become what it is told from.
  if (run.execution.outcome !== 'none' || run.execution.baseline !== null) return {};
  const { baseline = null, liveTasks = 0, phase } = seen;
  const isActive = phase !== undefined && !FINAL_PHASES.includes(phase);
  const isPastGrace = run.readAt.getTime() - run.desiredAt.getTime() >= drainGraceMs;
  // Airflow 2.11.2 may show a stopped run as ended, then as running, then as ended for good.
  const isStopping = isActive && seen.stopEvidence && !isPastGrace;
  if (isActive && !isStopping) {
    const accepted = afterAccepted(run, {});
    return {
      ...accepted,
      observedTicket: Math.max(run.observedTicket, ticket),
      execution: { ...run.execution, ...accepted.execution, baseline: NO_BASELINE },
    };
  }
  const isDrained = !isStopping && (liveTasks === 0 || isPastGrace);
  if (isDrained) return { failures: 0, lastError: null, execution: { ...run.execution, baseline } };
  const message = isStopping ? 'the engine is still stopping the run' : `${liveTasks} tasks are still alive`;
  return { failures: 0, lastError: { code: 'draining', message, at: run.readAt.toISOString() } };
}

/** The engine shows nothing that a retry would change. */
export function afterNothingToRetry(run: RunRecord, message: string): Patch {
  if (run.execution.outcome === 'known') return {};
  return {
    verdict: { state: 'FAILED', failure: { class: 'engine', code: 'nothing-to-retry', message } },
    execution: { ...run.execution, outcome: 'refused' },
  };
}

/** `before` is the outcome before this attempt: what was unknown stays so until it is looked up. */
export function afterError(run: RunRecord, error: EngineError, before: Outcome): Patch {
  // It was seen on the engine while we called: no error takes that back.
  if (run.execution.outcome === 'known') return {};
  switch (error.code) {
    case 'timeout':
    case 'unknown':
      return { lastError: shownError(run, error), execution: { ...run.execution, outcome: 'unknown' } };
    case 'unavailable':
    case 'unauthorized':
    case 'conflict':
    case 'not-found':
      return { ...errorFields(run, error), execution: notSent(run.execution, before) };
    case 'rejected':
    case 'unsupported':
      return {
        execution: {
          ...run.execution,
          outcome: 'refused',
          // Only this attempt was refused: one before it may still arrive.
          tombstoneUntil: before === 'none' ? null : new Date(run.readAt.getTime() + TOMBSTONE_MS),
        },
        verdict: {
          state: 'FAILED',
          failure: { class: 'user', code: `engine-${error.code}`, message: error.message },
        },
      };
    default:
      return assertNever('engine error code', error.code);
  }
}

/** One more failure, and what it was. */
export function errorFields(run: RunRecord, error: EngineError): Patch {
  return { failures: run.failures + 1, lastError: shownError(run, error) };
}

/** Milliseconds until the same is worth another try: the engine's own word, or longer with every failure. */
export function retryInMs(run: RunRecord, error: EngineError): number {
  return error.retryAfterSeconds === undefined ? backOffMs(run.failures + 1) : error.retryAfterSeconds * 1000;
}

function shownError(run: RunRecord, error: EngineError): RunRecord['lastError'] {
  return { code: `engine-${error.code}`, message: error.message, at: run.readAt.toISOString() };
}

/** A first attempt that was not sent leaves no trace; one before it stays unknown. */
function notSent(execution: Execution, before: Outcome): Execution {
  return before === 'none'
    ? { ...execution, outcome: 'none', attemptedAt: null, firstAttemptedAt: null, engineEpoch: null }
    : { ...execution, outcome: 'unknown' };
}

function engineConflict(run: RunRecord, message: string): Patch {
  // It was seen on the engine while we called: no answer takes that back.
  if (run.execution.outcome === 'known') return {};
  return {
    execution: { ...run.execution, outcome: 'refused' },
    verdict: { state: 'FAILED', failure: { class: 'engine', code: 'engine-conflict', message } },
  };
}
