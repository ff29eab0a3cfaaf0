import type { Type } from '@nestjs/common';
import type { OperationExample, OperationOptions } from '../platform/openapi/operation.js';
import { runLinks } from './run-links.js';
import { WorkflowRun } from './workflow-run.dto.js';

/** How every lifecycle request answers; `dryRun` is what it answers where it may only be asked whether it could be made. */
export function lifecycleOperation(
  id: string,
  summary: string,
  example: OperationExample,
  dryRun?: Type,
): OperationOptions {
  return {
    id,
    summary,
    problems: ['workflow-run-not-found', 'lifecycle-conflict', 'engine-cannot'],
    answers: [
      {
        status: 202,
        description: 'Accepted; the run moves when its engine has done it.',
        type: WorkflowRun,
        links: runLinks(),
      },
      { status: 200, description: 'Nothing had to be changed.', type: WorkflowRun, ...(dryRun && { orType: dryRun }) },
    ],
    idempotent: true,
    body: true,
    example,
  };
}
