import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Readable } from 'node:stream';
import { FINAL_TASK_STATES } from '../../adapters/spi/facts.js';
import { linkNext } from '../lists/link-header.js';
import { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import { LentChunks } from '../platform/http/lent-chunks.js';
import { parameterProblem, Problem } from '../platform/problem.js';
import { openEventStream, type StreamMessage } from './event-stream.js';
import { readLogEventId, toLogEventId, type LogPlace } from './log-event-id.js';
import { StreamSlots } from './stream-slots.js';
import { TaskLogs, type LogStart } from './task-logs.js';
import { readTaskRun, type TaskRunFacts } from './task-runs-store.js';

/** Which task run a request names; with `runId` by the longer path, and then it must be of that run. */
export interface TaskRunPath {
  project: string;
  id: number;
  runId?: number | undefined;
}

export interface LogRequest {
  attempt?: number | undefined;
  cursor?: string | undefined;
  limit: number;
  /** As an event stream. */
  follow: boolean;
  lastEventId?: string | undefined;
  /** The route's own path, for links. */
  path: string;
  traceparent: string | undefined;
}

/** The body of an answer; nothing where a follower has all there is. */
export type LogBody = Readable | LentChunks | string | undefined;

const LAST_EVENT_ID = 'Last-Event-ID';
/** Between two looks at a task run whose first attempt has not begun. */
const LOOK_EVERY_MS = 500;

/** One task run and its logs, behind both of its paths. */
@Injectable()
export class TaskRunAccess {
  constructor(
    private readonly database: Database,
    private readonly taskLogs: TaskLogs,
    private readonly slots: StreamSlots,
  ) {}

  /** Throws `task-run-not-found`. */
  async find({ project, id, runId }: TaskRunPath): Promise<TaskRunFacts> {
    const found = await readTaskRun(this.database, project, id, runId);
    if (found) return found;
    throw new Problem('task-run-not-found', { detail: `There is no task run ${id}.` });
  }

  async read(path: TaskRunPath): Promise<Answer> {
    return new Answer(200, undefined, (await this.find(path)).json, false);
  }

  /** A page as text with the next one in `Link`, or the log as a stream. */
  async logs(path: TaskRunPath, request: LogRequest, reply: FastifyReply): Promise<LogBody> {
    const taskRun = await this.find(path);
    if (request.attempt !== undefined) requireAttempt(taskRun, request.attempt, 'attempt');
    if (request.follow) return this.follow(path, taskRun, request, reply);
    reply.header('content-type', 'text/plain; charset=utf-8');
    const attempt = request.attempt ?? taskRun.attempt;
    if (taskRun.attempt === 0) return '';
    const { cursor, limit: limitBytes, traceparent } = request;
    const page = await this.taskLogs.page(taskRun, { attempt, cursor, limitBytes, traceparent });
    if (page.nextCursor !== undefined && !page.end) {
      linkNext(reply, request.path, { attempt, limit: request.limit }, page.nextCursor);
    }
    return new LentChunks(page.chunks);
  }

  private async follow(
    path: TaskRunPath,
    taskRun: TaskRunFacts,
    request: LogRequest,
    reply: FastifyReply,
  ): Promise<Readable | undefined> {
    const last = lastPlace(taskRun, request);
    if (last && last.cursor === undefined) {
      // An `end` alone would bring a browser back for the next one, for ever.
      void reply.status(204);
      return undefined;
    }
    const attempt = last?.attempt ?? request.attempt;
    const { cursor, traceparent } = request;
    const start: LogStart = last
      ? { cursor: last.cursor, cursorFrom: LAST_EVENT_ID, traceparent }
      : { cursor, traceparent };
    // A log that is gone is an answer of its own: later there is no status left to say it with.
    if (taskRun.attempt > 0) {
      const first = { ...start, attempt: attempt ?? taskRun.attempt, limitBytes: 1024 };
      await this.taskLogs.page(taskRun, first).then(discard);
    }
    const slot = this.slots.take(path.project);
    return openEventStream(reply, (signal) => this.messages(path, taskRun, attempt, start, signal), slot);
  }

  private async *messages(
    path: TaskRunPath,
    taskRun: TaskRunFacts,
    attempt: number | undefined,
    start: LogStart,
    signal: AbortSignal,
  ): AsyncGenerator<StreamMessage> {
    let begun = taskRun;
    while (begun.attempt === 0 && !signal.aborted) {
      if (FINAL_TASK_STATES.includes(begun.state)) {
        yield { id: toLogEventId({ attempt: attempt ?? 0 }), event: 'end', data: '{}' };
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      begun = await this.find(path);
    }
    yield* this.taskLogs.follow(begun, attempt ?? begun.attempt, start, signal);
  }
}

/**
 * What a follower who comes back has seen last. Its attempt is the one that is followed, whichever is the latest by now: the
 * rest of its log is still to come, and in another one's the cursor would pass over text.
 */
function lastPlace(taskRun: TaskRunFacts, { lastEventId, attempt }: LogRequest): LogPlace | undefined {
  if (lastEventId === undefined) return undefined;
  const place = readLogEventId(lastEventId);
  if (!place)
    throw parameterProblem(LAST_EVENT_ID, 'bad-last-event-id', `${LAST_EVENT_ID} is not an id of a followed log.`);
  requireAttempt(taskRun, place.attempt, LAST_EVENT_ID);
  if (attempt === undefined || attempt === place.attempt) return place;
  const message = `${LAST_EVENT_ID} is of attempt ${place.attempt}, the parameter attempt is ${attempt}.`;
  throw parameterProblem(LAST_EVENT_ID, 'other-attempt', message);
}

/** The first one is there before it has begun. */
function requireAttempt(taskRun: TaskRunFacts, attempt: number, parameter: string): void {
  if (attempt <= Math.max(1, taskRun.attempt)) return;
  const message =
    taskRun.attempt < 1 ? 'The task run has not begun.' : `The last attempt of the task run is ${taskRun.attempt}.`;
  throw parameterProblem(parameter, 'no-such-attempt', message);
}

/** Frees what a page holds open. */
async function discard(page: { chunks: AsyncIterable<Uint8Array> }): Promise<void> {
  await page.chunks[Symbol.asyncIterator]().return?.();
}
