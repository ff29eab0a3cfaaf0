import type { Json } from '../../definition/definition-types.js';
import type { AttemptFacts, Failure, PresentExecution, TaskRunFacts, TaskState } from '../spi/facts.js';
import type { AttemptRow, RunRow, TaskRunRow } from './run-store.js';
import { WHOLE } from './run-model.js';

/** Facts of a run; with its task runs where those were read too. */
export function toObservation(run: RunRow, taskRuns?: TaskRunRow[]): PresentExecution {
  return {
    presence: 'present',
    key: run.key,
    externalId: run.key,
    phase: run.phase,
    engineState: run.phase,
    // As stored: only the node's owner may judge, and there is none at the moment.
    ...(run.offline ? { stateReason: 'node-offline' } : {}),
    ...(run.failure === null ? {} : { failure: JSON.parse(run.failure) as Failure }),
    stopEvidence: run.stop_evidence,
    ...times(run.started_at, run.finished_at),
    ...(run.outputs === null ? {} : { outputs: JSON.parse(run.outputs) as Record<string, Json> }),
    baseline: String(run.round),
    liveTasks: run.live_tasks,
    ...(taskRuns === undefined ? {} : { taskRuns: taskRuns.map(toTaskRunFacts) }),
  };
}

function toTaskRunFacts(row: TaskRunRow): TaskRunFacts {
  return {
    task: row.task,
    ...(row.map_index === WHOLE ? {} : { mapIndex: row.map_index }),
    // The table's CHECK allows members of TASK_STATES only.
    state: row.state as TaskState,
    ...(row.state_reason === null ? {} : { stateReason: row.state_reason }),
    attempt: row.attempt,
    ...times(row.started_at, row.finished_at),
    ...(row.outputs === null ? {} : { outputs: JSON.parse(row.outputs) as Record<string, Json> }),
    ...(row.failure === null ? {} : { failure: JSON.parse(row.failure) as Failure }),
    attempts: (row.attempts ?? []).map(toAttemptFacts),
  };
}

function toAttemptFacts(row: AttemptRow): AttemptFacts {
  return {
    attempt: row.attempt,
    state: row.state as TaskState,
    ...times(toDate(row.started_at), toDate(row.finished_at)),
    ...(row.exit_code === null ? {} : { exitCode: row.exit_code }),
    ...(row.failure === null ? {} : { failure: JSON.parse(row.failure) as Failure }),
  };
}

function times(startedAt: Date | null, finishedAt: Date | null): { startedAt?: Date; finishedAt?: Date } {
  return {
    ...(startedAt === null ? {} : { startedAt }),
    ...(finishedAt === null ? {} : { finishedAt }),
  };
}

function toDate(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}
