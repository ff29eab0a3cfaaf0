/** From the scripted engine's JSON to facts. Pure; throws `EngineError('unknown')` for what cannot be read. */
import type {
  AttemptFacts,
  Failure,
  PresentExecution,
  RunPhase,
  TaskRunFacts,
  TaskState,
} from '../../../adapters/spi/facts.js';
import type { ExecutionPage, Marker } from '../../../adapters/spi/engine-adapter.js';
import type { Json } from '../../../definition/definition-types.js';
import {
  garbage,
  readCount,
  readFlag,
  readList,
  readObject,
  readText,
  readTime,
} from '../../../adapters/spi/http/read-answer.js';

/** Every word the engine has for a run. */
export const RUN_WORDS: Record<string, RunPhase> = {
  queued: 'scheduled',
  running: 'running',
  suspended: 'paused',
  stopping: 'running',
  success: 'succeeded',
  failed: 'failed',
  stopped: 'cancelled',
};

export const TASK_WORDS: Record<string, TaskState> = {
  none: 'PENDING',
  queued: 'SCHEDULED',
  running: 'RUNNING',
  up_for_retry: 'RETRYING',
  success: 'COMPLETED',
  failed: 'FAILED',
  skipped: 'SKIPPED',
  upstream_failed: 'SKIPPED',
  stopped: 'CANCELLED',
};

export interface ReadExecution {
  facts: PresentExecution;
  /** Nothing's where somebody else started it. */
  marker: Marker | undefined;
  round: number;
}

/** `key` is the one that was asked for: an answer about another execution is no answer. */
export function readExecution(answer: Json, key: string): ReadExecution {
  const execution = readObject(answer, 'the execution');
  if (readText(execution['key'], 'key') !== key) throw garbage(`an execution ${String(execution['key'])}, not ${key}`);
  const marker = execution['marker'] === null ? undefined : readObject(execution['marker'], 'marker');
  const word = readText(execution['state'], 'state');
  const round = readCount(execution['round'], 'round');
  const facts: PresentExecution = {
    presence: 'present',
    key,
    externalId: key,
    engineUid: readText(execution['uid'], 'uid'),
    engineState: word,
    stopEvidence: readFlag(execution['stop_requested'], 'stop_requested'),
    baseline: `round ${round}`,
    liveTasks: readCount(execution['live_tasks'], 'live_tasks'),
  };
  const phase = Object.hasOwn(RUN_WORDS, word) ? RUN_WORDS[word] : undefined;
  if (phase) facts.phase = phase;
  const startedAt = readTime(execution['started_at'] ?? null, 'started_at');
  const finishedAt = readTime(execution['finished_at'] ?? null, 'finished_at');
  if (startedAt) facts.startedAt = startedAt;
  if (finishedAt) facts.finishedAt = finishedAt;
  if (phase === 'failed') facts.failure = failureOf(execution['failed_task']);
  if (phase === 'succeeded' && execution['outputs'] !== null)
    facts.outputs = readObject(execution['outputs'], 'outputs');
  return {
    facts,
    round,
    marker: marker && {
      installationId: readText(marker['installation_id'], 'installation_id'),
      key: readText(marker['key'], 'marker key'),
      contentDigest: readText(marker['content_digest'], 'content_digest'),
    },
  };
}

/** One page of everything the engine holds. */
export function readExecutionPage(answer: Json): ExecutionPage {
  const page = readObject(answer, 'the page of executions');
  const executions = readList(page['executions'], 'executions').flatMap((one) => {
    const execution = readObject(one, 'an execution');
    const { facts, marker } = readExecution(execution, readText(execution['key'], 'key'));
    const createdAt = readTime(execution['created_at'] ?? null, 'created_at');
    if (!createdAt) throw garbage('an execution without the time of its creation');
    const { key, externalId, engineState } = facts;
    return marker ? [{ key, externalId, engineState, installationId: marker.installationId, createdAt }] : [];
  });
  const next = page['next'];
  return next === null ? { executions } : { executions, nextCursor: readText(next, 'next') };
}

/** One page of task runs, and how many there are on all pages. */
export function readTaskPage(answer: Json, key: string): { taskRuns: TaskRunFacts[]; total: number } {
  const page = readObject(answer, 'the page of task runs');
  if (page['key'] !== key) throw garbage(`task runs of ${String(page['key'])}, not of ${key}`);
  return {
    taskRuns: readList(page['task_runs'], 'task_runs').map(readTaskRun),
    total: readCount(page['total'], 'total'),
  };
}

function readTaskRun(answer: Json): TaskRunFacts {
  const run = readObject(answer, 'a task run');
  const task = readText(run['task'], 'task');
  const word = readText(run['state'], 'state of a task run');
  const facts: TaskRunFacts = {
    task,
    state: taskState(word),
    attempt: readCount(run['try_number'], 'try_number'),
    attempts: readList(run['attempts'], 'attempts').map((attempt) => readAttempt(attempt, task)),
  };
  if (run['item_index'] !== null) facts.mapIndex = readCount(run['item_index'], 'item_index');
  if (word === 'upstream_failed') facts.stateReason = 'upstream-failed';
  const startedAt = readTime(run['started_at'], 'started_at of a task run');
  const finishedAt = readTime(run['finished_at'], 'finished_at of a task run');
  if (startedAt) facts.startedAt = startedAt;
  if (finishedAt) facts.finishedAt = finishedAt;
  if (run['outputs'] !== null) facts.outputs = readObject(run['outputs'], 'outputs of a task run');
  if (facts.state === 'FAILED') facts.failure = failureOf(task);
  return facts;
}

function readAttempt(answer: Json, task: string): AttemptFacts {
  const attempt = readObject(answer, 'an attempt');
  const facts: AttemptFacts = {
    attempt: readCount(attempt['number'], 'number'),
    state: taskState(readText(attempt['state'], 'state of an attempt')),
  };
  const startedAt = readTime(attempt['started_at'], 'started_at of an attempt');
  const finishedAt = readTime(attempt['finished_at'], 'finished_at of an attempt');
  if (startedAt) facts.startedAt = startedAt;
  if (finishedAt) facts.finishedAt = finishedAt;
  if (attempt['exit_code'] !== null) facts.exitCode = readCount(attempt['exit_code'], 'exit_code');
  if (facts.state === 'FAILED') facts.failure = failureOf(task);
  return facts;
}

function taskState(word: string): TaskState {
  const state = Object.hasOwn(TASK_WORDS, word) ? TASK_WORDS[word] : undefined;
  if (!state) throw garbage(`a task run is ${word}`);
  return state;
}

function failureOf(task: Json | undefined): Failure {
  const failure: Failure = { class: 'user', code: 'task-failed', message: 'a task failed' };
  return typeof task === 'string' ? { ...failure, message: `task ${task} failed`, task_title: task } : failure;
}
