/** Airflow's REST API under the prefix of its version, with the credentials it wants. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { EngineHttp } from '../spi/http/engine-http.js';
import type { HttpAnswer, HttpRequest, StreamedAnswer } from '../spi/http/engine-http.js';
import { readObject, readText } from '../spi/http/read-answer.js';
import { RefusedByEngine } from '../spi/http/transport-error.js';
import type { Dialect } from './dialect.js';
import { airflow2 } from './airflow-2.js';
import { airflow3 } from './airflow-3.js';
import { AirflowLogin } from './airflow-login.js';
import type { AirflowOptions } from './airflow-options.js';
import { readDetail } from './read-detail.js';

/**
 * Of this process. Airflow's api-server has 15 database connections for each of its workers: 20 calls at once stopped one for
 * two and a half minutes (3.3.2).
 */
export const CONNECTIONS = 4;
/** Logs that are read at the same time. */
const STREAMS = 4;

export interface Version {
  dialect: Dialect;
  version: string;
}

export class AirflowClient {
  readonly #http: EngineHttp;
  readonly #login: AirflowLogin;
  readonly #url: string;
  #version: Promise<Version> | undefined;

  constructor(options: AirflowOptions) {
    this.#http = new EngineHttp({
      url: options.url,
      connections: CONNECTIONS,
      streams: STREAMS,
      readRefusal: readDetail,
    });
    this.#login = new AirflowLogin(options.credentials);
    this.#url = options.url;
  }

  /** Asked once, and again by `probe`: an engine may be upgraded under our feet. */
  version(ctx: CallContext): Promise<Version> {
    return this.#version ?? this.probe(ctx);
  }

  /** Which Airflow this is. Airflow 3 has moved its API and says 404 in the old place; Airflow 2 in the new one. */
  probe(ctx: CallContext): Promise<Version> {
    const probed = this.#probe(ctx);
    this.#version ??= probed;
    probed.then(
      () => {
        this.#version = probed;
      },
      () => {
        if (this.#version === probed) this.#version = undefined;
      },
    );
    return probed;
  }

  async get(path: string, ctx: CallContext): Promise<Json> {
    return (await this.exchange({ method: 'GET', path }, ctx)).json;
  }

  async post(path: string, body: object, ctx: CallContext): Promise<Json> {
    return (await this.exchange({ method: 'POST', path, body }, ctx)).json;
  }

  async patch(path: string, body: object, ctx: CallContext): Promise<Json> {
    return (await this.exchange({ method: 'PATCH', path, body }, ctx)).json;
  }

  async delete(path: string, ctx: CallContext): Promise<void> {
    await this.exchange({ method: 'DELETE', path }, ctx);
  }

  /** `path` is below the version's prefix. */
  exchange(request: HttpRequest, ctx: CallContext): Promise<HttpAnswer> {
    return this.#authorised(request, ctx, (whole) => this.#http.request(whole, ctx));
  }

  stream(request: HttpRequest, ctx: CallContext): Promise<StreamedAnswer> {
    return this.#authorised(request, ctx, (whole) => this.#http.stream(whole, ctx));
  }

  /** Address of a page for people. */
  pageUrl(path: string): string {
    return this.#url + path;
  }

  close(): void {
    this.#http.close();
    this.#login.close();
  }

  async #authorised<T>(request: HttpRequest, ctx: CallContext, send: (whole: HttpRequest) => Promise<T>): Promise<T> {
    const { prefix, scheme } = (await this.version(ctx)).dialect;
    const once = async (): Promise<T> => {
      const authorization = await this.#login.header(scheme, ctx);
      return send({ ...request, path: prefix + request.path, headers: { ...request.headers, authorization } });
    };
    return once().catch(async (error: unknown) => {
      if (this.#login.renewAfter(error)) return once();
      throw error;
    });
  }

  async #probe(ctx: CallContext): Promise<Version> {
    const version = await this.#versionBelow('/api/v2', ctx);
    if (version !== undefined) return { dialect: airflow3(version), version };
    const old = await this.#versionBelow('/api/v1', ctx);
    if (old !== undefined) return { dialect: airflow2(), version: old };
    throw new EngineError('unavailable', 'there is no Airflow: /api/v2/version and /api/v1/version are both unknown');
  }

  /** Undefined where no such API is served. */
  async #versionBelow(prefix: string, ctx: CallContext): Promise<string | undefined> {
    try {
      const { json } = await this.#http.request({ method: 'GET', path: `${prefix}/version` }, ctx);
      return readText(readObject(json, 'the version')['version'], 'version');
    } catch (error) {
      if (error instanceof RefusedByEngine && error.status === 404) return undefined;
      throw asNotDone(error);
    }
  }
}

/** The call that needed the version was never sent. */
function asNotDone(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== 'unknown') return error;
  return new EngineError('unavailable', `the version could not be read: ${error.message}`, { cause: error });
}
