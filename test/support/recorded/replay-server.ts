/** Says what an engine said, to an adapter that does not know the difference. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrokenShape } from '../../../adapters/conformance/broken-shapes.js';
import { sendBroken } from '../scripted-engine/broken-answers.js';
import { ENGINE_URL } from './clean-recording.js';
import { bodyOf } from './recording.js';
import type { Exchange } from './recording.js';

/** What was recorded, or was made of it. */
export type Played = Exchange & { broken?: BrokenShape };

export class ReplayServer {
  readonly #server: Server;
  /** Answers to each question, in their order; by the beginning of their paths. */
  readonly #plays = new Map<string, Map<string, Played[]>>();
  #count = 0;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<ReplayServer> {
    const server = new ReplayServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** The address at which these are said, until it is `ended`. Many may go on at the same time. */
  play(exchanges: readonly Played[]): string {
    const play = `/play-${(this.#count += 1)}`;
    const answers = new Map<string, Played[]>();
    for (const exchange of exchanges) {
      const question = `${exchange.method} ${exchange.path}`;
      answers.set(question, [...(answers.get(question) ?? []), exchange]);
    }
    this.#plays.set(play, answers);
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${play}`;
  }

  ended(url: string): void {
    this.#plays.delete(new URL(url).pathname);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const { method = '', url = '' } = request;
    const [, play = '', path = ''] = /^(\/play-\d+)(\/.*)$/.exec(url) ?? [];
    const answers = this.#plays.get(play)?.get(`${method} ${path}`) ?? [];
    // Who asks once more hears the last answer once more.
    const exchange = answers.length > 1 ? answers.shift() : answers[0];
    if (exchange === undefined) {
      // Nothing that an engine says: no adapter may draw anything from it.
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not recorded');
      return;
    }
    const { address, port } = this.#server.address() as AddressInfo;
    const body = Buffer.from(bodyOf(exchange).replaceAll(ENGINE_URL, `http://${address}:${port}${play}`));
    if (exchange.broken !== undefined) {
      sendBroken(response, exchange.broken, body);
      return;
    }
    response.writeHead(exchange.status, exchange.headers).end(exchange.status === 204 ? undefined : body);
  }
}
