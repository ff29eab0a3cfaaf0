/** HTTP to an engine: one bounded answer per call, errors in the interface's codes, no redirects, no repeats. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import axios from 'axios';
import type { AxiosInstance, AxiosRequestConfig, AxiosResponse } from 'axios';
import type { Json } from '../../../definition/definition-types.js';
import type { CallContext } from '../engine-adapter.js';
import type { EngineError } from '../engine-error.js';
import { readJson } from './read-answer.js';
import { RefusedByEngine, statusCode, transportError } from './transport-error.js';

/** An answer that is parsed whole is never larger. */
const ANSWER_LIMIT_BYTES = 8 * 1_048_576;
/** What is read of a refusal to find its reason. */
const REFUSAL_LIMIT_BYTES = 65_536;
/**
 * axios' word for none. Told any other number, Infinity among them, it hands a streamed body on through a generator, and a generator
 * that never began destroys nothing: a body destroyed unread would keep its connection, beyond every deadline (axios 1.21.1).
 */
const NO_LIMIT = -1;
/** Calls at the same time, unless told otherwise: what an adapter on it declares as `callsAtOnce`. */
export const CONNECTIONS = 16;
/** Streams last as long as somebody reads them: they have connections of their own, so that no call waits for the end of one. */
const STREAM_CONNECTIONS = 8;

/**
 * A connection that idled longer is not used again: the engine may be closing it that very moment, and what was sent would end as
 * an outcome nobody knows. gunicorn, Airflow 2's server, keeps idle ones for 2 s, uvicorn, Airflow 3's, for 5 s. A call that
 * is under way may take as long as it likes.
 */
const IDLE_MS = 1_000;

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

/** Bodies are handed to axios as text: given an object it would leave out fields called `constructor` or `__proto__`. */
export class EngineHttp {
  readonly #options: EngineHttpOptions;
  readonly #http: AxiosInstance;
  readonly #calls: Agents;
  readonly #streams: Agents;
  readonly #closing = new AbortController();

  constructor(options: EngineHttpOptions) {
    this.#options = options;
    this.#calls = agents(options.connections ?? CONNECTIONS, options.tls);
    this.#streams = agents(options.streams ?? STREAM_CONNECTIONS, options.tls);
    this.#http = axios.create({
      baseURL: options.url,
      // A redirect would carry the credentials to a host the operator never named.
      maxRedirects: 0,
      proxy: false,
      validateStatus: null,
      transformRequest: (body: unknown) => body,
      transformResponse: (body: unknown) => body,
    });
  }

  /** Throws `RefusedByEngine` for any answer but 2xx, `EngineError` for none. */
  async request(request: HttpRequest, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<HttpAnswer> {
    const config = { ...this.#calls, responseType: 'arraybuffer' } as const;
    const response = await this.#send<Buffer>(request, config, ctx, ANSWER_LIMIT_BYTES);
    if (!isSuccess(response.status)) throw this.#refusal(request, response, response.data);
    return { json: response.status === 204 ? null : readJson(response.data), headers: flat(response) };
  }

  /** A body of any length, to be read or destroyed by the caller. */
  async stream(request: HttpRequest, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<StreamedAnswer> {
    const config = { ...this.#streams, responseType: 'stream' } as const;
    const response = await this.#send<Readable>(request, config, ctx, NO_LIMIT);
    if (isSuccess(response.status)) return { headers: flat(response), body: response.data };
    throw this.#refusal(request, response, await beginning(response.data));
  }

  close(): void {
    this.#closing.abort();
    for (const { httpAgent, httpsAgent } of [this.#calls, this.#streams]) {
      httpAgent.destroy();
      httpsAgent.destroy();
    }
  }

  async #send<T>(
    { method, path, body, headers }: HttpRequest,
    config: AxiosRequestConfig,
    ctx: Pick<CallContext, 'signal' | 'traceparent'>,
    maxContentLength: number,
  ): Promise<AxiosResponse<T>> {
    const signal = AbortSignal.any([ctx.signal, this.#closing.signal]);
    try {
      return await this.#http.request<T>({
        ...config,
        method,
        url: path,
        ...(body === undefined ? {} : { data: JSON.stringify(body) }),
        headers: {
          traceparent: ctx.traceparent,
          // Airflow 2 refuses a type without a body.
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        signal,
        maxContentLength,
      });
    } catch (error) {
      throw clientError(error, signal);
    }
  }

  #refusal({ path }: HttpRequest, response: AxiosResponse, bytes: Uint8Array): RefusedByEngine {
    const { status } = response;
    let told: { message?: string; absent?: boolean } = {};
    try {
      told = this.#options.readRefusal(readJson(bytes), status, path);
    } catch {
      // Not the engine's body: the status alone speaks.
    }
    const retryAfter = flat(response)['retry-after'];
    return new RefusedByEngine(statusCode(status, told.absent === true), status, told.message, retryAfter, new Date());
  }
}

interface Agents {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
}

function agents(maxSockets: number, { insecure = false, ...identity }: Tls = {}): Agents {
  const pool = { keepAlive: true, maxSockets, timeout: IDLE_MS };
  return {
    httpAgent: new HttpAgent(pool),
    httpsAgent: new HttpsAgent({ ...pool, rejectUnauthorized: !insecure, ...identity }),
  };
}

/** The interface's error for anything axios or a stream throws. */
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

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function flat(response: AxiosResponse): Record<string, string | undefined> {
  const entries = Object.entries(response.headers as Record<string, unknown>);
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
