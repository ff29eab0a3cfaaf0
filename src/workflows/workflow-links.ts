/** Where an answer leads to: links of the OpenAPI document, for clients that follow them and tests that do. */
import type { OperationLinks } from '../platform/openapi/operation.js';

/** Of a version; `at` is where it stands in the answer (`/items/0`). */
export function workflowLinks(at = ''): OperationLinks {
  const title = `$response.body#${at}/title`;
  const parameters = { title, version: `$response.body#${at}/version` };
  return {
    workflow: { operationId: 'getWorkflow', parameters },
    versions: { operationId: 'listWorkflowVersions', parameters: { title } },
    tasks: { operationId: 'listTasks', parameters },
    graph: { operationId: 'getTaskGraph', parameters },
    labels: { operationId: 'changeWorkflowLabels', parameters },
    archive: { operationId: 'archiveWorkflow', parameters },
    runs: { operationId: 'listWorkflowRuns', parameters: { workflow_title: title } },
  };
}

/** Of the first task in the list of a version's tasks. */
export const TASK_LINKS: OperationLinks = {
  task: {
    operationId: 'getTask',
    parameters: {
      title: '$request.path.title',
      version: '$request.path.version',
      task_title: '$response.body#/items/0/title',
    },
  },
};
