/** Where an answer leads to: links of the OpenAPI document, for clients that follow them and tests that do. */
import type { OperationLinks } from '../platform/openapi/operation.js';

/** Of a run; `at` is where it stands in the answer (`/items/0`). */
export function runLinks(at = ''): OperationLinks {
  const run = { id: `$response.body#${at}/id` };
  const workflow = `$response.body#${at}/workflow`;
  return {
    run: { operationId: 'getWorkflowRun', parameters: run },
    wait: { operationId: 'waitForWorkflowRun', parameters: run },
    lifecycle_events: { operationId: 'listLifecycleEvents', parameters: run },
    lifecycle_request: { operationId: 'createLifecycleEvent', parameters: run },
    task_runs: { operationId: 'listTaskRuns', parameters: run },
    labels: { operationId: 'changeWorkflowRunLabels', parameters: run },
    cancel: { operationId: 'cancelWorkflowRun', parameters: run },
    retry: { operationId: 'retryWorkflowRun', parameters: run },
    pause: { operationId: 'pauseWorkflowRun', parameters: run },
    resume: { operationId: 'resumeWorkflowRun', parameters: run },
    workflow: {
      operationId: 'getWorkflow',
      parameters: { title: `${workflow}/title`, version: `${workflow}/version` },
    },
  };
}

/** Of a task run, by either of its paths. */
export function taskRunLinks(at = ''): OperationLinks {
  const taskRun = { id: `$response.body#${at}/id` };
  const ofRun = { id: `$response.body#${at}/workflow_run_id`, task_run_id: `$response.body#${at}/id` };
  return {
    task_run: { operationId: 'getTaskRun', parameters: taskRun },
    logs: { operationId: 'getTaskRunLogs', parameters: taskRun },
    lifecycle_request: { operationId: 'createTaskRunLifecycleEvent', parameters: taskRun },
    task_run_of_run: { operationId: 'getTaskRunOfRun', parameters: ofRun },
    logs_of_run: { operationId: 'getTaskRunLogsOfRun', parameters: ofRun },
    lifecycle_request_of_run: { operationId: 'createTaskRunLifecycleEventOfRun', parameters: ofRun },
    run: { operationId: 'getWorkflowRun', parameters: { id: ofRun.id } },
  };
}
