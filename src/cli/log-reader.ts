import { path, type ApiClient } from './api-client.js';
import { toApiProblem } from './api-problem.js';
import type { TaskRun } from './api-types.js';
import { followEvents } from './event-stream.js';

/** The log of one attempt, in the pieces in which it arrives; `end` when there is nothing more to come. */
export async function* readLog(api: ApiClient, taskRunId: number, attempt?: number): AsyncGenerator<string> {
  let cursor: string | undefined;
  for (;;) {
    const { text, nextCursor } = await api.text(path('task-runs', taskRunId, 'logs'), { attempt, cursor });
    if (text !== '') yield text;
    // A running task's log goes on at the same place: that is for `followLog`.
    if (nextCursor === undefined || nextCursor === cursor || text === '') return;
    cursor = nextCursor;
  }
}

/** The log of one attempt from its beginning until it is complete. */
export async function* followLog(
  api: ApiClient,
  taskRunId: number,
  options: { attempt?: number; onLost?: () => void } = {},
): AsyncGenerator<string> {
  const where = path('task-runs', taskRunId, 'logs');
  for await (const message of followEvents(api, where, {
    query: { attempt: options.attempt },
    ...(options.onLost === undefined ? {} : { onLost: options.onLost }),
  })) {
    const { text, code, detail } = JSON.parse(message.data || '{}') as {
      text?: string;
      code?: string;
      detail?: string;
    };
    if (text) yield text;
    if (message.event !== 'end') continue;
    // The answer began long ago: a log that is gone is told by its end.
    if (code !== undefined) throw toApiProblem(410, { title: code, code, detail });
    return;
  }
}

/** The last lines of an attempt. */
export async function logTail(api: ApiClient, taskRunId: number, lines: number): Promise<string[]> {
  let tail = '';
  for await (const text of readLog(api, taskRunId)) {
    tail = (tail + text)
      .split('\n')
      .slice(-lines - 1)
      .join('\n');
  }
  return tail
    .replace(/\n$/, '')
    .split('\n')
    .slice(-lines)
    .filter((line, index, all) => line !== '' || all.length > 1 || index > 0);
}

/**
 * Task runs in the order in which they began. Those that have not are left out, and those without an attempt of their own:
 * what stands for a fan-out has no log, its items have.
 */
export function startedInOrder(taskRuns: readonly TaskRun[]): TaskRun[] {
  return taskRuns
    .filter((taskRun) => taskRun.started_at && taskRun.attempt > 0)
    .sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? '') || a.id - b.id);
}

/** Turns pieces of text into whole lines; what is left when they end is a line too. */
export async function* wholeLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
