/**
 * Attempts that Argo forgets: its retry deletes the nodes of what failed. They travel as an argument of the workflow itself,
 * written by the same call that restarts it, so they are there exactly when the restart is.
 */
import { FINAL_TASK_STATES } from '../spi/facts.js';
import type { AttemptFacts, TaskRunFacts, TaskState } from '../spi/facts.js';
import { readJson } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { argumentOf, isObject, objectsIn, textIn, timeIn } from './read-fields.js';

/** Arguments of the workflow that are ours; a template may declare `signalbox-round` and use it. */
export const ROUND_PARAMETER = 'signalbox-round';
export const HISTORY_PARAMETER = 'signalbox-history';

/** Attempts of earlier rounds, by task and position in a fan-out. */
export type AttemptHistory = ReadonlyMap<string, AttemptFacts[]>;

export function historyKey(task: string, mapIndex: number | undefined): string {
  return mapIndex === undefined ? task : `${task}#${mapIndex}`;
}

/** Every attempt seen so far. Base64, since Argo would take `{{` in a value for a template. */
export function writeHistory(taskRuns: readonly TaskRunFacts[]): string {
  const entries = taskRuns.flatMap(({ task, mapIndex, attempts = [] }) =>
    attempts.map(({ attempt, state, startedAt, finishedAt, exitCode, failure }) => ({
      k: historyKey(task, mapIndex),
      n: attempt,
      s: state,
      b: startedAt,
      e: finishedAt,
      x: exitCode,
      f: failure === undefined ? undefined : { ...failure, message: failure.message.slice(0, 200) },
    })),
  );
  return Buffer.from(JSON.stringify(entries)).toString('base64');
}

/** Nothing where there is none, or where somebody wrote something else: attempts are then counted from what Argo shows. */
export function readHistory(spec: JsonObject): AttemptHistory {
  const history = new Map<string, AttemptFacts[]>();
  const text = argumentOf(spec, HISTORY_PARAMETER);
  if (text === undefined) return history;
  try {
    for (const entry of objectsIn({ entries: readJson(Buffer.from(text, 'base64')) }, 'entries')) {
      const key = textIn(entry, 'k');
      const attempt = readAttempt(entry);
      if (key !== undefined && attempt) history.set(key, [...(history.get(key) ?? []), attempt]);
    }
    return history;
  } catch {
    return new Map();
  }
}

/** How often the workflow was begun: 1, and one more for each retry of ours. */
export function roundOf(spec: JsonObject): number {
  const text = argumentOf(spec, ROUND_PARAMETER);
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 1;
}

/**
 * Earlier attempts, then those that Argo shows, numbered through. One that Argo kept over a retry stands in both: it is known
 * by its times, as far as both have them.
 */
export function withHistory(earlier: readonly AttemptFacts[], current: readonly AttemptFacts[]): AttemptFacts[] {
  const gone = earlier.filter((attempt) => !current.some((shown) => isSame(attempt, shown)));
  return [...gone, ...current].map((attempt, index) => ({ ...attempt, attempt: index + 1 }));
}

function isSame(a: AttemptFacts, b: AttemptFacts): boolean {
  const times = [
    [a.startedAt, b.startedAt],
    [a.finishedAt, b.finishedAt],
  ] as const;
  const known = times.filter(([one, other]) => one !== undefined && other !== undefined);
  return known.length > 0 && known.every(([one, other]) => one?.getTime() === other?.getTime());
}

function readAttempt(entry: JsonObject): AttemptFacts | undefined {
  const state = FINAL_TASK_STATES.find((one) => one === entry['s']) ?? ('FAILED' satisfies TaskState);
  const number = entry['n'];
  if (typeof number !== 'number') return undefined;
  const attempt: AttemptFacts = { attempt: number, state };
  const startedAt = timeIn(entry, 'b');
  const finishedAt = timeIn(entry, 'e');
  if (startedAt) attempt.startedAt = startedAt;
  if (finishedAt) attempt.finishedAt = finishedAt;
  if (typeof entry['x'] === 'number') attempt.exitCode = entry['x'];
  const failure = entry['f'];
  if (isObject(failure)) {
    const failureClass = (['user', 'platform', 'engine', 'timeout'] as const).find((one) => one === failure['class']);
    attempt.failure = {
      class: failureClass ?? 'user',
      code: textIn(failure, 'code') ?? 'task-failed',
      message: textIn(failure, 'message') ?? '',
      task_title: textIn(failure, 'task_title') ?? '',
    };
  }
  return attempt;
}
