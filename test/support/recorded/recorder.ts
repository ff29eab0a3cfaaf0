/** A proxy on loopback before a real engine that writes down what was said. Lists are short, and without what others have there. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Tls } from '../../../adapters/spi/http/engine-http.js';
import type { Json } from '../../../definition/definition-types.js';
import { arrivedOf, forward, handOn } from '../http-forward.js';
import type { Answered, Arrived } from '../http-forward.js';
import type { Exchange } from './recording.js';

export interface Upstream {
  url: string;
  tls?: Tls;
  /** The token that the engine wants, where the adapter has none of its own. */
  bearer?(): Promise<string | undefined>;
}

/** Every name that recordings give bears it, and what people put there for them is called so. */
const OURS = 'recorded';
export const OFFERED = 'recorded-offered';
/** Of a list; more of them tell nothing new. */
const ROWS_KEPT = 4;

const HEADERS = ['content-type', 'date', 'retry-after'];
/** Rows of lists, and the count beside them. */
const ROWS = ['dags', 'dag_runs', 'import_errors', 'items'];
const COUNT = 'total_entries';

export class Recorder {
  readonly #server: Server;
  readonly #upstream: Upstream;
  #taken: Partial<Exchange>[] = [];

  private constructor(upstream: Upstream) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(upstream: Upstream): Promise<Recorder> {
    const recorder = new Recorder(upstream);
    await new Promise<void>((resolve) => recorder.#server.listen(0, '127.0.0.1', resolve));
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What was said since this was asked last, in the order of the questions. */
  taken(): Exchange[] {
    return this.#taken.splice(0).filter((one): one is Exchange => one.status !== undefined);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const arrived = await arrivedOf(message);
      const exchange: Partial<Exchange> = { method: arrived.method, path: arrived.path };
      this.#taken.push(exchange);
      const answer = withoutOthers(await this.#ask(arrived));
      Object.assign(exchange, toExchange(answer));
      handOn(answer, response);
    } catch {
      response.destroy();
    }
  }

  async #ask(arrived: Arrived): Promise<Answered> {
    const { url, tls, bearer } = this.#upstream;
    const token = await bearer?.();
    return forward(arrived, new URL(url), {
      ...(tls === undefined ? {} : { tls }),
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
  }
}

function toExchange({ status, headers, body }: Answered): Omit<Exchange, 'method' | 'path'> {
  const kept = Object.entries(headers).filter(
    (one): one is [string, string] => HEADERS.includes(one[0]) && typeof one[1] === 'string',
  );
  const json = jsonOf(body);
  const lines = body.length === 0 ? [] : body.toString('utf8').split('\n');
  return { status, headers: Object.fromEntries(kept), ...(json === undefined ? { lines } : { json }) };
}

function withoutOthers(answer: Answered): Answered {
  const json = jsonOf(answer.body);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return answer;
  const list = ROWS.find((name) => Array.isArray(json[name]));
  if (list === undefined) return answer;
  const rows = json[list] as Json[];
  const names = (row: Json, name: string): boolean => JSON.stringify(row).includes(name);
  const ours = rows
    .filter((row) => names(row, OURS))
    .sort((a, b) => Number(names(b, OFFERED)) - Number(names(a, OFFERED)))
    .slice(0, ROWS_KEPT);
  if (ours.length === rows.length) return answer;
  const count = typeof json[COUNT] === 'number' ? { [COUNT]: json[COUNT] - (rows.length - ours.length) } : {};
  return { ...answer, body: Buffer.from(JSON.stringify({ ...json, [list]: ours, ...count })) };
}

function jsonOf(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}
