import type { ExecutionRef } from '../../adapters/spi/facts.js';
import type { RunRecord } from './run-record.js';

/** How adapters name the execution of a run's current generation. */
export function toExecutionRef(run: RunRecord): ExecutionRef {
  const { key, externalId, engineUid } = run.execution;
  return {
    key,
    workflow: toExecutionWorkflow({
      id: run.workflowId,
      title: run.workflowTitle,
      version: run.workflowVersion,
      reference: run.workflowReference,
    }),
    ...(externalId === null ? {} : { externalId }),
    ...(engineUid === null ? {} : { engineUid }),
  };
}

/** How adapters name the workflow of an execution. */
export function toExecutionWorkflow(workflow: {
  id: number;
  title: string;
  version: number;
  reference: string | null;
}): ExecutionRef['workflow'] {
  const { id, title, version, reference } = workflow;
  return { id: String(id), title, version, ...(reference === null ? {} : { reference }) };
}

/** For `workflow.reference`, of the row `w`. */
export const REFERENCE_SQL = `CASE WHEN w.definition_format = 'reference' THEN w.definition END`;
