import type { Readable } from 'node:stream';
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineHttp } from '../spi/http/engine-http.js';
import type { HttpRequest, Tls } from '../spi/http/engine-http.js';
import { garbage } from '../spi/http/read-answer.js';
import { toRefusal } from './to-refusal.js';

export interface Endpoint {
  /** Without a slash at its end. */
  url: string;
  tls: Tls;
  /** The bearer token of now; nothing where the engine asks for none. */
  bearer(): Promise<string | undefined>;
}

/** What a call that may be open for long needs of its context. */
export type StreamContext = Pick<CallContext, 'signal' | 'traceparent'>;

/** argo-server or the Kubernetes API, asked with the token of now. */
export class ArgoHttp {
  readonly #http: EngineHttp;

  constructor(private readonly endpoint: Endpoint) {
    this.#http = new EngineHttp({ url: endpoint.url, tls: endpoint.tls, readRefusal: toRefusal });
  }

  /** `kind` are headers that say which kind of JSON the body is, or the answer has to be. */
  async json(
    method: HttpRequest['method'],
    path: string,
    ctx: CallContext,
    body?: object,
    kind: Record<string, string> = {},
  ): Promise<Json> {
    const headers = { ...(await this.#authorization()), ...kind };
    const request = { method, path, headers, ...(body === undefined ? {} : { body }) };
    return (await this.#http.request(request, ctx)).json;
  }

  /** A body of any length, to be read or destroyed by the caller. Throws `unknown` for one that is not of `type`, where that is given. */
  async stream(path: string, ctx: StreamContext, accept = 'application/json', type = ''): Promise<Readable> {
    const headers = { ...(await this.#authorization()), accept };
    const { body, headers: told } = await this.#http.stream({ method: 'GET', path, headers }, ctx);
    const { 'content-type': given = 'none' } = told;
    if (given.startsWith(type)) return body;
    body.destroy();
    throw garbage(`a stream of the type ${given}`);
  }

  close(): void {
    this.#http.close();
  }

  async #authorization(): Promise<Record<string, string>> {
    const bearer = await this.endpoint.bearer();
    return bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  }
}
