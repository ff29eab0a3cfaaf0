/** From Airflow's JSON of task instances and their tries to facts. Pure; throws `EngineError('unknown')` for what cannot be read. */
import type { Json } from '../../definition/definition-types.js';
import { garbage, readCount, readObject, readText, readTime } from '../spi/http/read-answer.js';
import type { AttemptFacts, Failure, TaskRunFacts, TaskState } from '../spi/facts.js';
import { stoppedTry } from './marks.js';
import { textOrNull } from './to-run.js';

/** Every word Airflow 2 and 3 have for a task instance; no word (null) is PENDING. */
export const TASK_WORDS: Record<string, TaskState> = {
  none: 'PENDING',
  scheduled: 'SCHEDULED',
  queued: 'SCHEDULED',
  running: 'RUNNING',
  restarting: 'RETRYING',
  up_for_retry: 'RETRYING',
  // A sensor between two looks: alive, its slot given back.
  up_for_reschedule: 'RUNNING',
  sensing: 'RUNNING',
  deferred: 'RUNNING',
  awaiting_input: 'RUNNING',
  success: 'COMPLETED',
  failed: 'FAILED',
  shutdown: 'FAILED',
  upstream_failed: 'SKIPPED',
  skipped: 'SKIPPED',
  removed: 'SKIPPED',
};

/** Words of a task that occupies a worker or will do so by itself. */
const LIVE = ['running', 'restarting', 'sensing', 'queued', 'deferred'];
/** Words whose reason would be lost in our own. */
const TELLING = ['upstream_failed', 'removed', 'up_for_reschedule', 'deferred', 'awaiting_input'];
/** Words under which the dates are still those of the try before. */
const NOT_BEGUN = [null, 'none', 'scheduled', 'queued'];

export interface TaskInstance {
  taskId: string;
  /** -1 = not one of a fan-out. */
  mapIndex: number;
  word: string | null;
  tryNumber: number;
  startedAt: Date | undefined;
  finishedAt: Date | undefined;
  note: string | null;
}

export function readTaskInstance(answer: Json): TaskInstance {
  const json = readObject(answer, 'a task instance');
  const mapIndex = json['map_index'];
  if (typeof mapIndex !== 'number' || !Number.isSafeInteger(mapIndex)) throw garbage('map_index is no number');
  return {
    taskId: readText(json['task_id'], 'task_id'),
    mapIndex,
    word: textOrNull(json['state']),
    tryNumber: Math.max(0, readCount(json['try_number'], 'try_number')),
    startedAt: readTime(json['start_date'] ?? null, 'start_date'),
    finishedAt: readTime(json['end_date'] ?? null, 'end_date'),
    note: textOrNull(json['note']),
  };
}

/** The rows of one fan-out before it is expanded have no item: Airflow shows them as one instance that never runs. */
export function toTaskRun(
  instance: TaskInstance,
  run: { stoppedAt: Date | undefined },
  tries: readonly TaskInstance[] | undefined,
  engineUrl: string,
): TaskRunFacts {
  const { taskId, mapIndex, word, tryNumber } = instance;
  const state = stateOf(instance, run.stoppedAt);
  const attempts = attemptsOf(instance, state, tries);
  const attempt = Math.max(tryNumber, ...attempts.map((one) => one.attempt), 0);
  const last = attempts.find((one) => one.attempt === attempt);
  return {
    task: taskId,
    ...(mapIndex < 0 ? {} : { mapIndex }),
    state,
    attempt,
    engineUrl,
    ...(word !== null && (TELLING.includes(word) || !isKnown(word)) ? { stateReason: word.replaceAll('_', '-') } : {}),
    ...(last?.startedAt === undefined ? {} : { startedAt: last.startedAt }),
    ...(last?.finishedAt === undefined ? {} : { finishedAt: last.finishedAt }),
    ...(state === 'FAILED' ? { failure: failureOf(instance) } : {}),
    // A part of them would look like the whole.
    ...(tries === undefined && hasEarlierTries(instance) ? {} : { attempts }),
  };
}

/** Whether the instance alone does not tell all its tries: an earlier one is kept elsewhere, or the only one has been cleared. */
export function hasEarlierTries({ tryNumber, word }: TaskInstance): boolean {
  return tryNumber > 1 || (tryNumber === 1 && NOT_BEGUN.includes(word));
}

export function isLive({ word }: TaskInstance): boolean {
  return word !== null && LIVE.includes(word);
}

export function failureOf({ taskId, tryNumber }: TaskInstance, cause?: string): Failure {
  const message = cause ?? `The task ${taskId} failed in its attempt ${tryNumber}.`;
  return { class: 'user', code: 'task-failed', message, task_title: taskId };
}

export function stateOf(instance: TaskInstance, stoppedAt: Date | undefined): TaskState {
  const { word } = instance;
  if (word === null) return 'PENDING';
  const state = isKnown(word) ? TASK_WORDS[word] : undefined;
  // A word we do not know is no end.
  if (state === undefined) return instance.startedAt ? 'RUNNING' : 'PENDING';
  return wasStopped(instance, stoppedAt) ? 'CANCELLED' : state;
}

/** Airflow calls what a stop ended `failed` and what it kept from beginning `skipped`, both at the moment of the stop. */
function wasStopped({ word, note, tryNumber, finishedAt }: TaskInstance, stoppedAt: Date | undefined): boolean {
  if (word !== 'failed' && word !== 'skipped') return false;
  if (word === 'failed' && stoppedTry(note) === tryNumber) return true;
  return stoppedAt !== undefined && finishedAt !== undefined && finishedAt >= stoppedAt;
}

function attemptsOf(instance: TaskInstance, state: TaskState, tries: readonly TaskInstance[] = []): AttemptFacts[] {
  const byNumber = new Map<number, AttemptFacts>();
  for (const one of tries) {
    const earlier = stateOf(one, undefined);
    const ended: TaskState = earlier === 'RETRYING' ? 'FAILED' : earlier;
    if (one.tryNumber > 0) byNumber.set(one.tryNumber, attemptFacts(one, ended));
  }
  const { tryNumber, word } = instance;
  // A cleared instance still bears the number of its last try, which the tries tell.
  const isLastOne = tryNumber > 0 && !(word === null && byNumber.has(tryNumber));
  if (isLastOne) byNumber.set(tryNumber, attemptFacts(instance, word === 'up_for_retry' ? 'FAILED' : state));
  return [...byNumber.values()].sort((a, b) => a.attempt - b.attempt);
}

function attemptFacts(instance: TaskInstance, state: TaskState): AttemptFacts {
  const { tryNumber, startedAt, finishedAt, word } = instance;
  const begun = !NOT_BEGUN.includes(word);
  return {
    attempt: tryNumber,
    state,
    ...(begun && startedAt ? { startedAt } : {}),
    ...(begun && finishedAt && word !== 'running' ? { finishedAt } : {}),
    ...(state === 'FAILED' ? { failure: failureOf(instance) } : {}),
  };
}

function isKnown(word: string): boolean {
  return Object.hasOwn(TASK_WORDS, word);
}
