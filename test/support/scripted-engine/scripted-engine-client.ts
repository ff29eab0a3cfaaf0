/** The scripted engine's routes, through the client that adapters share. */
import type { CallContext } from '../../../adapters/spi/engine-adapter.js';
import { EngineHttp } from '../../../adapters/spi/http/engine-http.js';
import type { StreamedAnswer } from '../../../adapters/spi/http/engine-http.js';
import type { Json } from '../../../definition/definition-types.js';

/** Words by which the engine itself says that it has no such thing. */
const ABSENT = ['not-found', 'no-log'];

export class ScriptedEngineClient {
  readonly #http: EngineHttp;
  readonly #headers: Record<string, string>;

  constructor({ url, token }: { url: string; token?: string | undefined }) {
    this.#http = new EngineHttp({ url, readRefusal });
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  get(path: string, ctx: CallContext): Promise<Json> {
    return this.#exchange('GET', path, ctx);
  }

  post(path: string, body: object, ctx: CallContext): Promise<Json> {
    return this.#exchange('POST', path, ctx, body);
  }

  put(path: string, body: object, ctx: CallContext): Promise<Json> {
    return this.#exchange('PUT', path, ctx, body);
  }

  delete(path: string, ctx: CallContext): Promise<Json> {
    return this.#exchange('DELETE', path, ctx);
  }

  stream(path: string, ctx: Pick<CallContext, 'signal' | 'traceparent'>): Promise<StreamedAnswer> {
    return this.#http.stream({ method: 'GET', path, headers: this.#headers }, ctx);
  }

  close(): void {
    this.#http.close();
  }

  async #exchange(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    ctx: CallContext,
    body?: object,
  ): Promise<Json> {
    const headers = this.#headers;
    const request = body === undefined ? { method, path, headers } : { method, path, headers, body };
    return (await this.#http.request(request, ctx)).json;
  }
}

function readRefusal(body: Json): { message?: string; absent?: boolean } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  const { error, message } = body;
  return {
    ...(typeof message === 'string' ? { message } : {}),
    absent: typeof error === 'string' && ABSENT.includes(error),
  };
}
