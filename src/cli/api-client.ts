import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from './api-types.js';
import { connectionTrouble, toApiProblem, Unreachable } from './api-problem.js';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-codes.js';
import { decideRetry, readRetryAfter, type Trouble } from './retry-decision.js';

export interface ApiClientOptions {
  /** Where the service is, without `/v1`. */
  url: string;
  project: string | undefined;
  /** Aborts what is under way: Ctrl-C. */
  signal: AbortSignal;
  /** How long a request is repeated while the service says "not now". Default 30 s. */
  patienceMs?: number;
  /** Told before a repeat, with the milliseconds until it. */
  onRetry?: (reason: string, delayMs: number) => void;
}

export type Query = Record<string, string | number | boolean | undefined | readonly (string | number)[]>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  /** Of one attempt. Default 30 s. */
  timeoutMs?: number;
  patienceMs?: number;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const DEFAULT_PATIENCE_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * The REST API over HTTP. Every write carries one Idempotency-Key for all its attempts, so repeating it is safe.
 * Throws `ApiProblem` for an error answer, `Unreachable` when there is none.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #base: string;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#base = baseUrl(options.url);
  }

  async get<Answer>(path: string, options: RequestOptions = {}): Promise<Answer> {
    return (await this.request('GET', path, options)).body as Answer;
  }

  /** With the status, where 200 and 202 mean different things. */
  async write<Answer>(
    method: Exclude<Method, 'GET'>,
    path: string,
    options: RequestOptions = {},
  ): Promise<{ status: number; body: Answer }> {
    const { response, body } = await this.request(method, path, options);
    return { status: response.status, body: body as Answer };
  }

  /** `text/plain`, with the cursor of the next part when the answer has one. */
  async text(path: string, query: Query): Promise<{ text: string; nextCursor: string | undefined }> {
    const { response, body } = await this.request('GET', path, { query }, 'text/plain, application/problem+json');
    return { text: body as string, nextCursor: nextCursor(response) };
  }

  /** One page; its end is said by the `Link` header alone. */
  async page<Item>(path: string, query: Query): Promise<{ page: Page<Item>; nextCursor: string | undefined }> {
    const { response, body } = await this.request('GET', path, { query });
    return { page: body as Page<Item>, nextCursor: nextCursor(response) };
  }

  /** Every item of a list, page after page. */
  async *all<Item>(path: string, query: Query): AsyncGenerator<Item> {
    let cursor: string | undefined;
    do {
      const { page, nextCursor: next } = await this.page<Item>(path, { ...query, ...(cursor ? { cursor } : {}) });
      yield* page.items;
      cursor = next;
    } while (cursor !== undefined);
  }

  /** Opens an event stream once; `followEvents` opens it again when it breaks. */
  async openStream(path: string, query: Query, lastEventId: string | undefined): Promise<Response> {
    const headers = this.#headers('text/event-stream');
    if (lastEventId !== undefined) headers.set('Last-Event-ID', lastEventId);
    const response = await fetch(this.#url(path, query), { headers, signal: this.#options.signal });
    if (!response.ok) throw toApiProblem(response.status, await readBody(response));
    return response;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  get url(): string {
    return this.#base;
  }

  private async request(
    method: Method,
    path: string,
    options: RequestOptions,
    accept = 'application/json, application/problem+json',
  ): Promise<{ response: Response; body: unknown }> {
    const headers = this.#headers(accept);
    if (method !== 'GET' && method !== 'DELETE') headers.set('Idempotency-Key', `cli-${randomUUID()}`);
    if (options.body !== undefined) headers.set('Content-Type', 'application/json');
    const init = { method, headers, ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }) };
    const url = this.#url(path, options.query ?? {});
    const began = performance.now();
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(url, init, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      if (outcome.ok) return outcome;
      const delay = decideRetry(outcome.trouble, {
        attempt,
        elapsedMs: performance.now() - began,
        patienceMs: options.patienceMs ?? this.#options.patienceMs ?? DEFAULT_PATIENCE_MS,
      });
      if (delay === undefined) throw outcome.error;
      this.#options.onRetry?.(outcome.error.message, delay);
      await sleep(delay, undefined, { signal: this.#options.signal });
    }
  }

  async #attempt(
    url: URL,
    init: RequestInit,
    timeoutMs: number,
  ): Promise<{ ok: true; response: Response; body: unknown } | { ok: false; trouble: Trouble; error: CliError }> {
    let response: Response;
    let body: unknown;
    try {
      const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(timeoutMs)]);
      response = await fetch(url, { ...init, signal });
      body = await readBody(response);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const problem = new Unreachable(this.#base, error);
      return { ok: false, trouble: { kind: 'connection', lasting: connectionTrouble(error).lasting }, error: problem };
    }
    if (response.ok) return { ok: true, response, body };
    const problem = toApiProblem(response.status, body);
    const retryAfterMs = readRetryAfter(response.headers.get('Retry-After'), new Date());
    const trouble: Trouble = { kind: 'answer', status: response.status, code: problem.code, retryAfterMs };
    return { ok: false, trouble, error: problem };
  }

  #headers(accept: string): Headers {
    const headers = new Headers({ Accept: accept, 'User-Agent': 'signalbox-cli' });
    if (this.#options.project !== undefined) headers.set('X-Project', this.#options.project);
    return headers;
  }

  #url(path: string, query: Query): URL {
    const url = new URL(`${this.#base}/v1${path}`);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined) url.searchParams.append(name, String(one));
      }
    }
    return url;
  }
}

/** A path of the API from parts that may hold any character. Throws `CliError` for the two that a URL reads as a way up. */
export function path(...parts: (string | number)[]): string {
  return parts
    .map((part) => {
      if (part === '.' || part === '..') throw new CliError(`"${part}" names nothing.`);
      return `/${encodeURIComponent(part)}`;
    })
    .join('');
}

function baseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CliError(`"${text}" is not a URL: expected something like http://127.0.0.1:8380.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new CliError(`"${text}" is not an http or https URL.`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}`;
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (!/[/+]json\b/.test(response.headers.get('Content-Type') ?? '')) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (!response.ok) return text;
    throw new CliError('The service answered with JSON that is cut off or broken.', {
      exitCode: EXIT.infrastructure,
      cause,
    });
  }
}

function nextCursor(response: Response): string | undefined {
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(response.headers.get('Link') ?? '');
  if (!link?.[1]) return undefined;
  return new URL(link[1], 'http://relative.invalid').searchParams.get('cursor') ?? undefined;
}
