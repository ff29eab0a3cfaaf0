/** How the operations on one task run answer, by either of their paths. */
import type { OperationExample, OperationOptions } from '../platform/openapi/operation.js';
import { runLinks, taskRunLinks } from './run-links.js';
import { AllowedActionDto, TaskRun, WorkflowRun } from './workflow-run.dto.js';

export function readOperation(id: string, example: OperationExample): OperationOptions {
  return {
    id,
    summary: 'Read a task run with its attempts',
    problems: ['task-run-not-found'],
    answers: [{ status: 200, description: 'The task run.', type: TaskRun, links: taskRunLinks() }],
    example,
  };
}

export function logsOperation(id: string, example: OperationExample): OperationOptions {
  return {
    id,
    summary: 'The log of an attempt, by pages or as an event stream',
    description:
      'With `Accept: text/event-stream` each message holds `{text}`; the last one is of type `end`, with `{code, detail}` if the log could not be sent to its end. The id of a message is opaque: it stands for a place in the log of one attempt. `Last-Event-ID` goes on there, in that attempt, even if another has begun since; an `attempt` that differs from it is refused. Whoever comes back with the id of the last text or of `end` is answered 204.',
    problems: [
      'task-run-not-found',
      'logs-gone',
      'engine-unavailable',
      'engine-cannot',
      'engine-not-found',
      'too-many-requests',
    ],
    answers: [
      {
        status: 200,
        description: 'Whole lines, or a stream of them.',
        mediaTypes: ['text/plain', 'text/event-stream'],
        headers: { Link: '`rel="next"` while there is more, or may be.' },
      },
      { status: 204, description: 'A stream that has nothing more to say: browsers do not connect again.' },
    ],
    example,
  };
}

export function requestOperation(id: string, example: OperationExample): OperationOptions {
  return {
    id,
    summary: 'Ask for a retry of the run limited to this task and its downstream, or for a cancel of the task',
    description:
      'With `dry_run` the answer is only `{action, available, reason?}`, and nothing is stored. The cancel of a task leaves no ' +
      'lifecycle event of the run: its `reason` is not kept.',
    problems: [
      'task-run-not-found',
      'workflow-run-not-found',
      'lifecycle-conflict',
      'engine-cannot',
      'engine-unavailable',
      'engine-not-found',
    ],
    answers: [
      { status: 202, description: 'Accepted.', type: WorkflowRun, links: runLinks() },
      { status: 200, description: 'Nothing had to be changed.', type: WorkflowRun, orType: AllowedActionDto },
    ],
    idempotent: true,
    body: true,
    example,
  };
}
