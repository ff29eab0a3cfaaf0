/** What the answer of an engine to a mutating call, or the lack of one, makes of a run. Pure. */
import type { FindOutcome, KnownExecution, SubmitOutcome } from '../../adapters/spi/engine-adapter.js';
import type { EngineError } from '../../adapters/spi/engine-error.js';
import { assertNever } from '../platform/assert-never.js';
import { backOffMs } from '../platform/back-off.js';
import type { Execution, Outcome, RunRecord } from '../lifecycle/run-record.js';

export type Patch = Partial<RunRecord>;

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
      externalId: told.externalId ?? execution.externalId,
      engineUid: told.engineUid ?? execution.engineUid,
    },
  };
}

export function afterFind(run: RunRecord, outcome: FindOutcome): Patch {
  switch (outcome.outcome) {
    case 'found':
      return afterAccepted(run, outcome);
    case 'conflict':
      return engineConflict(run, outcome.message);
    case 'absent': {
      const { execution } = run;
      return {
        failures: 0,
        execution: {
          ...execution,
          outcome: 'unknown',
          absentSince: execution.absentSince ?? run.readAt,
          lookups: execution.lookups + 1,
        },
      };
    }
    default:
      return assertNever('find outcome', outcome);
  }
}

/** `before` is the outcome before this attempt: what was unknown stays so until it is looked up. */
export function afterError(run: RunRecord, error: EngineError, before: Outcome): Patch {
  const shown = { code: `engine-${error.code}`, message: error.message, at: run.readAt.toISOString() };
  switch (error.code) {
    case 'timeout':
    case 'unknown':
      return { lastError: shown, execution: { ...run.execution, outcome: 'unknown' } };
    case 'unavailable':
    case 'unauthorized':
    case 'conflict':
    case 'not-found': {
      const failures = run.failures + 1;
      const waitMs = error.retryAfterSeconds === undefined ? backOffMs(failures) : error.retryAfterSeconds * 1000;
      return {
        failures,
        lastError: shown,
        execution: {
          ...run.execution,
          outcome: before === 'none' ? 'none' : 'unknown',
          ...forget(run.execution, before),
        },
        nextActionAt: new Date(run.readAt.getTime() + waitMs),
        leaseToken: null,
        leaseUntil: null,
      };
    }
    case 'rejected':
    case 'unsupported':
      return {
        execution: { ...run.execution, outcome: 'refused' },
        verdict: {
          state: 'FAILED',
          failure: { class: 'user', code: `engine-${error.code}`, message: error.message },
        },
      };
    default:
      return assertNever('engine error code', error.code);
  }
}

/** A first attempt that was not sent leaves no trace. */
function forget(execution: Execution, before: Outcome): Partial<Execution> {
  return before === 'none'
    ? { attemptedAt: null, firstAttemptedAt: null, engineEpoch: null }
    : { attemptedAt: execution.attemptedAt };
}

function engineConflict(run: RunRecord, message: string): Patch {
  return {
    execution: { ...run.execution, outcome: 'refused' },
    verdict: { state: 'FAILED', failure: { class: 'engine', code: 'engine-conflict', message } },
  };
}
