import { Injectable } from '@nestjs/common';
import type { LogPage } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import { engineProblem } from '../engines/engine-problem.js';
import { Engines } from '../engines/engines.js';
import { parameterProblem, Problem } from '../platform/problem.js';
import type { StreamMessage } from './event-stream.js';
import { toLogEventId } from './log-event-id.js';
import type { TaskRunFacts } from './task-runs-store.js';

/** Between two looks at a log that grows. */
const LOOK_EVERY_MS = 500;
/** An engine that does not answer is asked again, slower. */
const LOOK_AGAIN_MS = 2_000;
/** Calls as long as this many others: most engines find where a page begins by reading all that comes before it. */
const DEEP_PAGE_CALLS = 6;
/** Bytes of one message of a stream. */
const STREAM_PAGE_BYTES = 64 * 1024;

/** A place in a log, as a client names it. */
export interface LogStart {
  cursor?: string | undefined;
  /** What of the client's request the cursor stands in, for when it is refused. Default `cursor`. */
  cursorFrom?: string | undefined;
  traceparent?: string | undefined;
}

/** Logs of attempts, page by page, straight from the engine: nothing of them is kept here. */
@Injectable()
export class TaskLogs {
  constructor(
    private readonly engines: Engines,
    private readonly config: Config,
  ) {}

  /** One page. Throws `logs-gone` with the reason, `validation-failed` for a cursor that is none, `engine-unavailable`, `engine-cannot`. */
  async page(taskRun: TaskRunFacts, request: LogStart & { attempt: number; limitBytes: number }): Promise<LogPage> {
    const engine = this.engines.require(taskRun.engine);
    const { engineTimeoutMs } = this.config;
    const timeoutMs = request.cursor === undefined ? engineTimeoutMs : DEEP_PAGE_CALLS * engineTimeoutMs;
    const page = await engine.gateway
      .call('logs', { class: 'read', timeoutMs, traceparent: request.traceparent }, (adapter, ctx) =>
        adapter.logs(
          {
            ref: {
              key: taskRun.key,
              workflow: { ...taskRun.workflow, id: String(taskRun.workflow.id) },
              ...(taskRun.externalId === null ? {} : { externalId: taskRun.externalId }),
              ...(taskRun.engineUid === null ? {} : { engineUid: taskRun.engineUid }),
            },
            task: taskRun.task,
            ...(taskRun.mapIndex < 0 ? {} : { mapIndex: taskRun.mapIndex }),
            attempt: request.attempt,
            ...(request.cursor === undefined ? {} : { cursor: request.cursor }),
            limitBytes: request.limitBytes,
          },
          ctx,
        ),
      )
      .catch((error: unknown) => {
        if (error instanceof EngineError && error.code === 'not-found') throw gone(error.message);
        // Of all that is asked for, the cursor alone comes from the client.
        if (error instanceof EngineError && error.code === 'rejected' && request.cursor !== undefined) {
          throw parameterProblem(request.cursorFrom ?? 'cursor', 'bad-cursor', error.message);
        }
        throw engineProblem(error, taskRun.engine);
      });
    if (page.source === 'none') throw gone(page.reason ?? 'the engine does not have it any more');
    return page;
  }

  /**
   * Follows a log from `cursor` until the attempt has ended and everything was sent; the last message is `end`. The id of a
   * message is where to go on; a last one with a reason has none, so that whoever comes back is told it by the status.
   */
  async *follow(
    taskRun: TaskRunFacts,
    attempt: number,
    start: LogStart,
    signal: AbortSignal,
  ): AsyncGenerator<StreamMessage> {
    let cursor = start.cursor;
    while (!signal.aborted) {
      let waitMs = LOOK_EVERY_MS;
      try {
        const page = await this.page(taskRun, { ...start, attempt, cursor, limitBytes: STREAM_PAGE_BYTES });
        const text = await textOf(page);
        cursor = page.end ? undefined : page.nextCursor;
        const id = toLogEventId({ attempt, cursor });
        if (text !== '') yield { id, data: JSON.stringify({ text, source: page.source }) };
        if (cursor === undefined) {
          yield { id, event: 'end', data: '{}' };
          return;
        }
        if (text !== '') continue;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.code !== 'engine-unavailable') {
          // The status was sent long ago: the reason is the last message.
          yield { event: 'end', data: JSON.stringify({ code: error.code, detail: error.message }) };
          return;
        }
        waitMs = LOOK_AGAIN_MS;
      }
      await pause(waitMs, signal);
    }
  }
}

function gone(reason: string): Problem {
  return new Problem('logs-gone', { detail: `The log is gone: ${reason}.`, extensions: { reason } });
}

async function textOf(page: LogPage): Promise<string> {
  const chunks: Uint8Array[] = [];
  // Copied: a chunk holds until the next one is asked for.
  for await (const chunk of page.chunks) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
