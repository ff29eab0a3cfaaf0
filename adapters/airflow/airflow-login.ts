/** Who we are to Airflow. Tokens of Airflow 3 live in this process alone, and are exchanged before they end. */
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { EngineHttp } from '../spi/http/engine-http.js';
import { readObject, readText } from '../spi/http/read-answer.js';
import { RefusedByEngine } from '../spi/http/transport-error.js';
import type { Credentials } from './airflow-options.js';
import { readDetail } from './read-detail.js';

/** Share of a token's life after which it is exchanged. */
const RENEW_AT = 0.8;
/** A token without a readable end is exchanged after this many milliseconds. */
const LIFE_UNKNOWN_MS = 10 * 60_000;
/** A token that was refused although it is younger is refused for what it may do, not for its age. */
const FRESH_MS = 60_000;

interface Token {
  value: string;
  obtainedAt: number;
  renewAt: number;
}

export class AirflowLogin {
  readonly #credentials: Credentials;
  readonly #http: EngineHttp | undefined;
  #token: Token | undefined;
  #underWay: Promise<Token> | undefined;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
    if (credentials.kind === 'password')
      this.#http = new EngineHttp({ url: credentials.tokenUrl, readRefusal: readDetail });
  }

  /** The header for Airflow 2 (`basic`) or 3 (`bearer`). Throws `EngineError`. */
  async header(scheme: 'basic' | 'bearer', ctx: CallContext): Promise<string> {
    const credentials = this.#credentials;
    if (credentials.kind === 'token') return `Bearer ${credentials.token}`;
    if (scheme === 'basic') {
      return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
    }
    return `Bearer ${(await this.#current(ctx)).value}`;
  }

  /** Whether a refused call should be sent once more, with a new token. Nothing was done by a call that was refused. */
  renewAfter(error: unknown): boolean {
    const token = this.#token;
    if (!token || !(error instanceof RefusedByEngine) || error.code !== 'unauthorized') return false;
    // A wrong signature is a 403 like a missing right, an old token a 401.
    if (error.status === 403 && Date.now() - token.obtainedAt < FRESH_MS) return false;
    this.#token = undefined;
    return true;
  }

  close(): void {
    this.#http?.close();
  }

  /** Calls at the same time share one login; one that failed for another call's deadline is tried again for our own. */
  async #current(ctx: CallContext): Promise<Token> {
    for (;;) {
      if (this.#token && Date.now() < this.#token.renewAt) return this.#token;
      if (ctx.signal.aborted) throw new EngineError('timeout', 'the call was over before its login');
      const mine = this.#underWay === undefined;
      this.#underWay ??= this.#login(ctx).finally(() => (this.#underWay = undefined));
      try {
        this.#token = await this.#underWay;
        return this.#token;
      } catch (error) {
        if (mine) throw error;
      }
    }
  }

  async #login(ctx: CallContext): Promise<Token> {
    const credentials = this.#credentials;
    if (credentials.kind !== 'password' || !this.#http) throw new EngineError('unauthorized', 'there is no password');
    const { username, password } = credentials;
    const request = { method: 'POST', path: '', body: { username, password } } as const;
    const { json } = await this.#http.request(request, ctx).catch((error: unknown) => {
      throw asNotDone(error);
    });
    const value = readText(readObject(json, 'the login')['access_token'], 'access_token');
    const now = Date.now();
    return { value, obtainedAt: now, renewAt: now + RENEW_AT * lifeMs(value) };
  }
}

/** The call itself was never sent, whatever became of its login. */
function asNotDone(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code === 'timeout' || error.code === 'unauthorized') return error;
  return new EngineError('unavailable', `no login: ${error.message}`, {
    cause: error,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  });
}

/** From the token's own words, on the engine's clock alone. */
function lifeMs(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      iat?: unknown;
      exp?: unknown;
    };
    const life = (Number(claims.exp) - Number(claims.iat)) * 1_000;
    return Number.isFinite(life) && life > 0 ? life : LIFE_UNKNOWN_MS;
  } catch {
    return LIFE_UNKNOWN_MS;
  }
}
