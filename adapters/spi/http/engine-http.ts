/** HTTP to an engine: one bounded answer per call, errors in the interface's codes, no redirects, no repeats. */
import type { Readable } from 'node:stream';
import { Pool as HttpPool } from 'undici';
import type { Dispatcher } from 'undici';
import type { Json } from '../../../definition/definition-types.js';
import type { CallContext } from '../engine-adapter.js';
import type { EngineError } from '../engine-error.js';
import { readJson } from './read-answer.js';
import { RefusedByEngine, statusCode, transportError } from './transport-error.js';

/** An answer that is parsed whole is never larger. */
const ANSWER_LIMIT_BYTES = 8 * 1_048_576;
/** What is read of a refusal to find its reason. */
const REFUSAL_LIMIT_BYTES = 65_536;
/** Calls at the same time, unless told otherwise: what an adapter on it declares as `callsAtOnce`. */
export const CONNECTIONS = 16;
/** A connection that brought an answer is not used again in the same turn of the event loop: the next call takes another. */
const SPARE_CONNECTIONS = 4;
/** Streams last as long as somebody reads them: they have connections of their own, so that no call waits for the end of one. */
const STREAM_CONNECTIONS = 8;

/**
 * A connection that idled longer is not used again: the engine may be closing it that very moment, and what was sent would end as
 * an outcome nobody knows. gunicorn, Airflow 2's server, keeps idle ones for 2 s, uvicorn, Airflow 3's, for 5 s. A call that
 * is under way may take as long as it likes.
 */
const IDLE_MS = 1_000;

/** Nothing is sent before a connection is there; a host that swallows what is sent to it would keep calls waiting behind it. */
const CONNECT_MS = 5_000;

/** PEM texts: whom we trust beside the public authorities, and who we are. */
export interface Tls {
  ca?: string;
  cert?: string;
  key?: string;
  /** True: the certificate of the engine is not checked. */
  insecure?: boolean;
}

export interface EngineHttpOptions {
  /** Address that every path is appended to. */
  url: string;
  /** Connections of calls at the same time; further calls wait for one. */
  connections?: number;
  /** Connections of streams at the same time. */
  streams?: number;
  tls?: Tls;
  /**
   * What the engine says in the body of a refusal; `absent` = it is the engine's own positive "no such thing", which no proxy
   * and no unknown route of the engine could have said. Not called for a body that is no JSON.
   */
  readRefusal(body: Json, status: number, path: string): { message?: string; absent?: boolean };
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** Sent as JSON text. */
  body?: object;
  headers?: Record<string, string>;
}

export interface HttpAnswer {
  /** `null` for an answer without a body. */
  json: Json;
  headers: Record<string, string | undefined>;
}

export interface StreamedAnswer {
  headers: Record<string, string | undefined>;
  body: Readable;
}

/** Bodies go as text and come as bytes: no client looks into them. */
export class EngineHttp {
  readonly #options: EngineHttpOptions;
  readonly #calls: HttpPool;
  readonly #streams: HttpPool;

  constructor(options: EngineHttpOptions) {
    this.#options = options;
    this.#calls = pool(options, options.connections ?? CONNECTIONS + SPARE_CONNECTIONS, ANSWER_LIMIT_BYTES);
    this.#streams = pool(options, options.streams ?? STREAM_CONNECTIONS);
  }

  /** Throws `RefusedByEngine` for any answer but 2xx, `EngineError` for none. */
  async request(request: HttpRequest, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<HttpAnswer> {
    const { answer, bytes } = await this.#send(this.#calls, request, ctx, async (answer) => ({
      answer,
      bytes: await answer.body.bytes(),
    }));
    if (!isSuccess(answer)) throw this.#refusal(request, answer, bytes);
    return { json: answer.statusCode === 204 ? null : readJson(bytes), headers: flat(answer) };
  }

  /** A body of any length, to be read or destroyed by the caller. */
  async stream(request: HttpRequest, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<StreamedAnswer> {
    const answer = await this.#send(this.#streams, request, ctx, (answer) => {
      // undici tells a body that is destroyed before its end of an error, which ends the process where nobody listens.
      answer.body.on('error', () => undefined);
      return answer;
    });
    if (isSuccess(answer)) return { headers: flat(answer), body: answer.body };
    throw this.#refusal(request, answer, await beginning(answer.body));
  }

  close(): void {
    for (const pool of [this.#calls, this.#streams]) void pool.destroy();
  }

  async #send<T>(
    pool: HttpPool,
    { method, path, body, headers }: HttpRequest,
    ctx: Pick<CallContext, 'signal' | 'traceparent'>,
    read: (answer: Dispatcher.ResponseData) => Promise<T> | T,
  ): Promise<T> {
    const { pathname, search } = new URL(`${this.#options.url.replace(/\/$/, '')}${path}`);
    try {
      ctx.signal.throwIfAborted();
      const sent = pool.request({
        method,
        path: pathname + search,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers: {
          accept: 'application/json, text/plain, */*',
          // A packed answer would cost both sides time, and could be a thousand times its size.
          'accept-encoding': 'identity',
          traceparent: ctx.traceparent,
          // Airflow 2 refuses a type without a body.
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        signal: ctx.signal,
      });
      return await unlessAborted(ctx.signal, sent.then(read));
    } catch (error) {
      throw clientError(error, ctx.signal);
    }
  }

  #refusal({ path }: HttpRequest, answer: Dispatcher.ResponseData, bytes: Uint8Array): RefusedByEngine {
    const { statusCode: status } = answer;
    let told: { message?: string; absent?: boolean } = {};
    try {
      told = this.#options.readRefusal(readJson(bytes), status, path);
    } catch {
      // Not the engine's body: the status alone speaks.
    }
    const retryAfter = flat(answer)['retry-after'];
    return new RefusedByEngine(statusCode(status, told.absent === true), status, told.message, retryAfter, new Date());
  }
}

/** Deadlines are the caller's. No redirects: one would carry the credentials to a host the operator never named. */
function pool({ url, tls = {} }: EngineHttpOptions, connections: number, maxResponseSize = -1): HttpPool {
  const { insecure = false, ...identity } = tls;
  return new HttpPool(new URL(url).origin, {
    connections,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    keepAliveTimeoutThreshold: IDLE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize,
    connect: { ...identity, rejectUnauthorized: !insecure, timeout: CONNECT_MS },
  });
}

/** undici itself tells who waits for a connection of the end of its deadline only when one is free. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', end, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** The interface's error for anything undici or a stream throws. */
export function clientError(error: unknown, signal: AbortSignal): EngineError {
  const failure = error as { message?: string; code?: string; syscall?: string; cause?: { syscall?: string } };
  return transportError(
    {
      message: failure.message ?? String(error),
      code: failure.code,
      syscall: failure.syscall ?? failure.cause?.syscall,
      aborted: signal.aborted,
    },
    error,
  );
}

function isSuccess({ statusCode: status }: Dispatcher.ResponseData): boolean {
  return status >= 200 && status < 300;
}

function flat({ headers }: Dispatcher.ResponseData): Record<string, string | undefined> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.map(([name, value]) => [name, typeof value === 'string' ? value : undefined]));
}

/** Enough of a refusal to read its reason; nothing when it breaks off. */
async function beginning(body: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > REFUSAL_LIMIT_BYTES) break;
    }
  } catch {
    return new Uint8Array();
  }
  return Buffer.concat(chunks);
}
