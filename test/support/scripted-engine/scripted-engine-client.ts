/** HTTP to the scripted engine: one bounded answer per call, errors in the interface's codes, no redirects, no repeats. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import axios from 'axios';
import type { AxiosInstance, AxiosRequestConfig, AxiosResponse } from 'axios';
import type { CallContext } from '../../../adapters/spi/engine-adapter.js';
import type { EngineError } from '../../../adapters/spi/engine-error.js';
import type { Json } from '../../../definition/definition-types.js';
import { readJson } from './read-answer.js';
import { statusError, transportError } from './to-engine-error.js';

/** An answer that is parsed whole is never larger. */
const ANSWER_LIMIT_BYTES = 8 * 1_048_576;
/** More than calls may be under way: how many go out at once is for the gateway to say. */
const SOCKETS = 64;

export interface ClientOptions {
  url: string;
  token?: string | undefined;
}

export interface StreamedAnswer {
  headers: Record<string, string | undefined>;
  body: Readable;
}

/** Bodies are handed to axios as text: given an object it would leave out fields called `constructor` or `__proto__`. */
export class ScriptedEngineClient {
  readonly #http: AxiosInstance;
  readonly #agents = [
    new HttpAgent({ keepAlive: true, maxSockets: SOCKETS }),
    new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS }),
  ];
  readonly #closing = new AbortController();

  constructor(options: ClientOptions) {
    const [httpAgent, httpsAgent] = this.#agents;
    this.#http = axios.create({
      baseURL: options.url,
      httpAgent,
      httpsAgent,
      // A redirect would carry the credentials to a host the operator never named.
      maxRedirects: 0,
      maxContentLength: ANSWER_LIMIT_BYTES,
      proxy: false,
      validateStatus: null,
      transformRequest: (body: unknown) => body,
      transformResponse: (body: unknown) => body,
      headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
    });
  }

  async get(path: string, ctx: CallContext): Promise<Json> {
    return this.#exchange({ method: 'GET', url: path }, ctx);
  }

  async post(path: string, body: object, ctx: CallContext): Promise<Json> {
    return this.#exchange({ method: 'POST', url: path, data: JSON.stringify(body) }, ctx);
  }

  async put(path: string, body: object, ctx: CallContext): Promise<Json> {
    return this.#exchange({ method: 'PUT', url: path, data: JSON.stringify(body) }, ctx);
  }

  async delete(path: string, ctx: CallContext): Promise<Json> {
    return this.#exchange({ method: 'DELETE', url: path }, ctx);
  }

  /** A body of any length, to be read or destroyed by the caller. */
  async stream(path: string, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<StreamedAnswer> {
    const response = await this.#send<Readable>({ method: 'GET', url: path, responseType: 'stream' }, ctx, Infinity);
    const { status } = response;
    if (status >= 200 && status < 300) return { headers: flat(response), body: response.data };
    throw refusal(response, await beginning(response.data));
  }

  close(): void {
    this.#closing.abort();
    for (const agent of this.#agents) agent.destroy();
  }

  async #exchange(request: AxiosRequestConfig, ctx: CallContext): Promise<Json> {
    const response = await this.#send<Buffer>({ ...request, responseType: 'arraybuffer' }, ctx, ANSWER_LIMIT_BYTES);
    if (response.status < 200 || response.status >= 300) throw refusal(response, response.data);
    return readJson(response.data);
  }

  async #send<T>(
    request: AxiosRequestConfig,
    ctx: Pick<CallContext, 'signal' | 'traceparent'>,
    maxContentLength: number,
  ): Promise<AxiosResponse<T>> {
    const signal = AbortSignal.any([ctx.signal, this.#closing.signal]);
    try {
      const headers = { traceparent: ctx.traceparent, 'content-type': 'application/json' };
      return await this.#http.request<T>({ ...request, signal, headers, maxContentLength });
    } catch (error) {
      throw clientError(error, signal);
    }
  }
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

function refusal(response: AxiosResponse, body: Uint8Array): EngineError {
  let told: { error?: unknown; message?: unknown } = {};
  try {
    const read = readJson(body);
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) told = read;
  } catch {
    // Not the engine's body: the status alone speaks.
  }
  return statusError(
    {
      status: response.status,
      retryAfter: flat(response)['retry-after'],
      error: typeof told.error === 'string' ? told.error : undefined,
      message: typeof told.message === 'string' ? told.message : undefined,
    },
    new Date(),
  );
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
      if (size > 65_536) break;
    }
  } catch {
    return new Uint8Array();
  }
  return Buffer.concat(chunks);
}
