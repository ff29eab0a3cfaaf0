/** Server-sent events over Fastify: what is yielded is sent as fast as the client reads, and no faster. */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { StreamSlot } from './stream-slots.js';

/** One message; `event` absent = the default type, which browsers hand to `onmessage`. */
export interface StreamMessage {
  id?: string | undefined;
  event?: string | undefined;
  data: string;
}

/** A comment this often keeps proxies from closing a quiet stream, and finds clients that are gone. */
const HEARTBEAT_MS = 15_000;
/** What browsers wait before they connect again. */
const RETRY_MS = 1000;

/**
 * The body of an answer that sends what `messages` yields; its headers are set on `reply`. `messages` is given a signal that
 * is aborted when the client leaves or the process stops. The slot is given back however the stream ends.
 */
export function openEventStream(
  reply: FastifyReply,
  messages: (signal: AbortSignal) => AsyncIterable<StreamMessage>,
  slot: StreamSlot,
): Readable {
  const left = new AbortController();
  onceClosed(reply, () => {
    left.abort();
    slot.release();
  });
  void reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    // What follows a stream on its connection is not worth keeping a stopping process alive for.
    .header('connection', 'close');
  return Readable.from(withHeartbeats(messages(AbortSignal.any([left.signal, slot.stopping]))), {
    objectMode: false,
    highWaterMark: 1,
  });
}

/** Calls `closed` once the client has left, at once when it did while the answer was made ready: no event comes then. */
export function onceClosed(reply: FastifyReply, closed: () => void): void {
  if (reply.raw.closed || reply.raw.destroyed) closed();
  else reply.raw.once('close', closed);
}

async function* withHeartbeats(messages: AsyncIterable<StreamMessage>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  const iterator = messages[Symbol.asyncIterator]();
  let pending = iterator.next();
  try {
    for (;;) {
      const result = await within(pending, HEARTBEAT_MS);
      if (result === undefined) {
        yield ': \n\n';
        continue;
      }
      if (result.done) return;
      yield format(result.value);
      pending = iterator.next();
    }
  } finally {
    // Nobody takes it any more; its error would otherwise end the process.
    pending.catch(() => undefined);
    await iterator.return?.();
  }
}

/** Undefined when the promise takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function format(message: StreamMessage): string {
  const id = message.id === undefined ? '' : `id: ${message.id}\n`;
  const event = message.event === undefined ? '' : `event: ${message.event}\n`;
  const data = message.data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${id}${event}${data.join('')}\n`;
}
