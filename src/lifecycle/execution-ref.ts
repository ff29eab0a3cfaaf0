import type { ExecutionRef } from '../../adapters/spi/facts.js';
import type { RunRecord } from './run-record.js';

/** How adapters name the execution of a run's current generation. */
export function toExecutionRef(run: RunRecord): ExecutionRef {
  const { key, externalId, engineUid } = run.execution;
  return {
    key,
    workflow: { id: String(run.workflowId), title: run.workflowTitle, version: run.workflowVersion },
    ...(externalId === null ? {} : { externalId }),
    ...(engineUid === null ? {} : { engineUid }),
  };
}
