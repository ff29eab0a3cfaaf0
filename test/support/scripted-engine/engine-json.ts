/** What the scripted engine puts on the wire: snake_case, RFC 3339 times. */
import type { Json } from '../../../definition/definition-types.js';
import type { StoredDefinition } from './engine-memory.js';
import { ENDED_TASK_WORDS, allRuns, outputsOf, runWord } from './execution.js';
import type { Execution, TaskRun } from './execution.js';

type JsonObject = Record<string, Json>;

export function executionJson(execution: Execution, now: number): JsonObject {
  const { body } = execution;
  const word = runWord(execution, now);
  const outputTask = execution.workflow.outputs_of && execution.tasks.get(execution.workflow.outputs_of)?.[0];
  return {
    key: body.key,
    uid: execution.uid,
    marker: body.marker === undefined ? null : { ...body.marker },
    state: word,
    round: execution.round,
    revision: execution.revision,
    stop_requested: execution.stop !== undefined,
    live_tasks: allRuns(execution).filter((run) => run.state === 'running').length,
    created_at: rfc3339(execution.created_at),
    started_at: rfc3339(execution.started_at),
    finished_at: rfc3339(execution.finished_at),
    failed_task: allRuns(execution).find((run) => run.state === 'failed')?.task.id ?? null,
    outputs: outputTask && outputTask.state === 'success' ? outputsOf(execution, outputTask) : null,
  };
}

/** What people see of a definition. */
export function offerJson({ offer, error }: StoredDefinition): JsonObject {
  const { labels = {}, description = null, parameters = [], paused = false } = offer ?? {};
  return {
    labels,
    description,
    parameters: parameters.map((parameter): JsonObject => ({ ...parameter })),
    paused,
    obstacle: error ?? null,
  };
}

export function taskRunJson(execution: Execution, run: TaskRun): JsonObject {
  const last = run.attempts.at(-1);
  return {
    task: run.task.id,
    item_index: run.item_index ?? null,
    state: run.state,
    try_number: run.attempts.length,
    started_at: rfc3339(run.attempts[0]?.started_at),
    finished_at: rfc3339(ENDED_TASK_WORDS.includes(run.state) ? last?.finished_at : undefined),
    exit_code: last?.exit_code ?? null,
    outputs: run.state === 'success' ? outputsOf(execution, run) : null,
    attempts: run.attempts.map((attempt) => ({
      number: attempt.number,
      state: attempt.state,
      started_at: rfc3339(attempt.started_at),
      finished_at: rfc3339(attempt.finished_at),
      exit_code: attempt.exit_code ?? null,
    })),
  };
}

function rfc3339(time: number | undefined): string | null {
  return time === undefined ? null : new Date(time).toISOString();
}
