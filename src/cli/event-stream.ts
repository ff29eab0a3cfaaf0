import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ApiProblem, Unreachable } from './api-problem.js';
import type { ApiClient, Query } from './api-client.js';
import { decideRetry } from './retry-decision.js';

export interface FollowOptions {
  query?: Query;
  lastEventId?: string;
  /** How long the stream may be away before it is given up. Default 2 min. */
  patienceMs?: number;
  /** Told when the connection is lost. */
  onLost?: () => void;
  /** Ends the generator. */
  signal?: AbortSignal;
}

const DEFAULT_PATIENCE_MS = 120_000;

/**
 * The events of a stream, each once, over as many connections as it takes: after a break it is opened again with
 * `Last-Event-ID`. Ends when the service says that nothing more will come (204), or with `signal`; throws `ApiProblem` for an answer that
 * will not get better, `Unreachable` when patience is over.
 */
export async function* followEvents(
  api: ApiClient,
  path: string,
  options: FollowOptions = {},
): AsyncGenerator<EventSourceMessage> {
  let lastEventId = options.lastEventId;
  let reconnectMs = 500;
  let attempt = 0;
  let lostAt = performance.now();
  while (options.signal?.aborted !== true) {
    let trouble: unknown;
    try {
      const response = await api.openStream(path, options.query ?? {}, lastEventId);
      // Nothing more will come, ever.
      if (response.status === 204) return;
      attempt = 0;
      for await (const message of messages(response, (ms) => (reconnectMs = Math.min(ms, 5_000)), options.signal)) {
        if (message.id !== undefined && message.id !== '') lastEventId = message.id;
        yield message;
      }
      lostAt = performance.now();
    } catch (error) {
      if (options.signal?.aborted) return;
      api.signal.throwIfAborted();
      if (attempt === 0) lostAt = performance.now();
      trouble = error;
    }
    if (options.signal?.aborted) return;
    if (trouble === undefined) {
      // A clean end: a server that drains, or a proxy's time limit. Open again, without hurry.
      await sleep(reconnectMs, undefined, { signal: api.signal });
      continue;
    }
    attempt++;
    const delay = delayAfter(trouble, {
      attempt,
      elapsedMs: performance.now() - lostAt,
      patienceMs: options.patienceMs ?? DEFAULT_PATIENCE_MS,
    });
    if (delay === undefined) throw trouble instanceof ApiProblem ? trouble : new Unreachable(api.url, trouble);
    options.onLost?.();
    await sleep(delay, undefined, { signal: api.signal });
  }
}

function delayAfter(
  trouble: unknown,
  budget: { attempt: number; elapsedMs: number; patienceMs: number },
): number | undefined {
  if (!(trouble instanceof ApiProblem)) return decideRetry({ kind: 'connection', lasting: false }, budget);
  const { status, code } = trouble;
  return decideRetry({ kind: 'answer', status, code, retryAfterMs: undefined }, budget);
}

async function* messages(
  response: Response,
  onRetry: (ms: number) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage> {
  if (response.body === null) return;
  const ready: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => ready.push(message), onRetry });
  const decoder = new TextDecoder();
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* ready.splice(0);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
