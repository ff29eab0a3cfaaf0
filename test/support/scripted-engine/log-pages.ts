/** Log pages of the scripted engine: streamed, bounded, by byte offset. */
import type { CallContext, LogPage, LogRequest } from '../../../adapters/spi/engine-adapter.js';
import { nameOnEngine } from '../../../adapters/spi/born.js';
import { EngineError } from '../../../adapters/spi/engine-error.js';
import { garbage } from '../../../adapters/spi/http/read-answer.js';
import { clientError } from '../../../adapters/spi/http/engine-http.js';
import type { StreamedAnswer } from '../../../adapters/spi/http/engine-http.js';
import type { ScriptedEngineClient } from './scripted-engine-client.js';

export async function readLogPage(
  client: ScriptedEngineClient,
  request: LogRequest,
  ctx: CallContext,
): Promise<LogPage> {
  const query = new URLSearchParams({ attempt: String(request.attempt), limit: String(request.limitBytes) });
  if (request.mapIndex !== undefined) query.set('item_index', String(request.mapIndex));
  if (request.cursor !== undefined) query.set('offset', request.cursor);
  const task = encodeURIComponent(request.task);
  let answer: StreamedAnswer;
  try {
    answer = await client.stream(
      `/executions/${encodeURIComponent(nameOnEngine(request.ref))}/tasks/${task}/log?${query}`,
      ctx,
    );
  } catch (error) {
    if (error instanceof EngineError && error.code === 'not-found') {
      return { source: 'none', chunks: nothing(), end: true, reason: `the engine has no such log (${error.message})` };
    }
    throw error;
  }
  const next = answer.headers['x-log-next'];
  const ended = answer.headers['x-log-end'];
  if (next === undefined || !/^\d+$/.test(next) || (ended !== 'true' && ended !== 'false')) {
    answer.body.destroy();
    throw garbage('a log page without its position');
  }
  const page: LogPage = {
    source: 'live',
    chunks: bounded(answer, request.limitBytes, ctx.signal),
    end: ended === 'true',
  };
  if (!page.end) page.nextCursor = next;
  return page;
}

/** Ends with an error rather than with more bytes than were asked for. */
async function* bounded(answer: StreamedAnswer, limitBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limitBytes) throw garbage(`a log page of more than ${limitBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof EngineError ? error : clientError(error, signal);
  } finally {
    answer.body.destroy();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // No log, no bytes.
}
