import type { OperationExample, OperationOptions } from '../platform/openapi/operation.js';
import { WorkflowRun } from './workflow-run.dto.js';

/** How every lifecycle request answers. */
export function lifecycleOperation(id: string, summary: string, example: OperationExample): OperationOptions {
  return {
    id,
    summary,
    problems: ['workflow-run-not-found', 'lifecycle-conflict', 'engine-cannot'],
    answers: [
      { status: 202, description: 'Accepted; the run moves when its engine has done it.', type: WorkflowRun },
      { status: 200, description: 'Nothing had to be changed.', type: WorkflowRun },
    ],
    idempotent: true,
    body: true,
    example,
  };
}
