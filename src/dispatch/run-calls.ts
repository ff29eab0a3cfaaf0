/** What the calls that are made for one run have in common: whose they are, and what is noted and stored when one does not work. */
import { type EngineError, mayHaveActed } from '../../adapters/spi/engine-error.js';
import type { Engine } from '../engines/engines.js';
import type { Outcome, RunRecord } from '../lifecycle/run-record.js';
import type { Log } from '../platform/log.js';
import { afterError, retryInMs } from './after-call.js';
import type { Visit } from './visit.js';

/** Calls made for a run belong to the trace of the request that created it. */
export function intentOf(run: RunRecord): { class: 'intent'; traceparent: string | null } {
  return { class: 'intent', traceparent: run.traceparent };
}

export function noteCall(log: Log, engine: Engine, run: RunRecord, verb: string, error: EngineError): void {
  const fields = { workflow_run_id: run.id, engine: engine.name, verb, code: error.code, reason: error.message };
  log.warn(fields, 'an engine call did not work');
}

/** The failure of a mutating call: nobody knows its outcome, or it is tried again later. `before`: see {@link afterError}. */
export function storeFailure(visit: Visit, error: EngineError, before: Outcome): Promise<void> {
  return mayHaveActed(error.code)
    ? visit.write((run) => afterError(run, error, before))
    : visit.write((run) => afterError(run, error, before), { fenced: true, dueInMs: retryInMs(visit.run, error) });
}
