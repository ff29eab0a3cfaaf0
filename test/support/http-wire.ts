/**
 * A network between an adapter and a real engine: an HTTP proxy on loopback that knows which request is which verb's, and does to
 * it what the conformance suite asks for. Requests are journalled by what they are, whatever befell them.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Verb, WireFault } from '../../adapters/conformance/harness.js';
import { assertNever } from '../../definition/assert-never.js';
import { arrivedOf, begin, forward, handOn, pass } from './http-forward.js';
import type { Answered, Arrived, OnBehalf } from './http-forward.js';
import { sendBroken } from './scripted-engine/broken-answers.js';

/** The request in which each verb does its work. */
export type RouteOf = (verb: Verb) => { method: string; path: RegExp } | undefined;

export interface WireOptions {
  /** PEM text of the authority behind an `https` engine. */
  ca?: string;
  /** Paths whose answers have no end, or none soon: they are handed on as they come, and not rewritten. */
  streams?: RegExp;
}

export class HttpWire {
  /** Changes what the engine said before it is handed on; the identity unless told. */
  rewrite: (request: Arrived, body: string) => string = (_, body) => body;

  readonly #server: Server;
  readonly #journal: Pick<Arrived, 'method' | 'path'>[] = [];
  #fault: { verb: Verb; fault: WireFault } | undefined;
  #held: (() => void)[] = [];
  #port = 0;

  private constructor(
    private readonly target: URL,
    private readonly routeOf: RouteOf,
    private readonly options: WireOptions,
  ) {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(target: string, routeOf: RouteOf, options: WireOptions = {}): Promise<HttpWire> {
    const wire = new HttpWire(new URL(target), routeOf, options);
    await wire.#listen();
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  break(verb: Verb, fault: WireFault): void {
    if (!this.routeOf(verb)) throw new Error(`${verb} asks the engine nothing`);
    this.#fault = { verb, fault };
  }

  /** Connections are refused. */
  async down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    // The adapter shares our process: its side of a closed connection closes some turns later.
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  }

  /** Ends the fault; what was late goes on its way. */
  async heal(): Promise<void> {
    this.#fault = undefined;
    for (const go of this.#held.splice(0)) go();
    if (!this.#server.listening) await this.#listen();
  }

  calls(verb: Verb): number {
    return this.#journal.filter(({ method, path }) => this.#is(verb, method, path)).length;
  }

  async close(): Promise<void> {
    await this.heal();
    await this.down();
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #is(verb: Verb, method: string, path: string): boolean {
    const route = this.routeOf(verb);
    return route?.method === method && route.path.test(path);
  }

  async #take(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const arrived = await arrivedOf(message);
      const { method, path } = arrived;
      this.#journal.push({ method, path });
      const planned = this.#fault && this.#is(this.#fault.verb, method, path) ? this.#fault.fault : undefined;
      await this.#befall(planned, arrived, response);
    } catch {
      // One side has ended its connection: so do we.
      response.destroy();
    }
  }

  async #befall(fault: WireFault | undefined, arrived: Arrived, response: ServerResponse): Promise<void> {
    switch (fault?.fault) {
      case undefined:
        if (this.options.streams?.test(arrived.path))
          return pass(await begin(arrived, this.target, this.#own), response);
        return handOn(await this.#ask(arrived), response);
      case 'drop':
        response.destroy();
        return;
      case 'lose-answer': {
        const answer = await this.#ask(arrived);
        // A refusal is no act whose answer could be lost: the adapter may ask again, and that is.
        if (answer.status >= 400) return handOn(answer, response);
        response.destroy();
        return;
      }
      case 'duplicate': {
        const first = await this.#ask(arrived);
        await this.#ask(arrived);
        return handOn(first, response);
      }
      case 'late':
        await new Promise<void>((resolve) => this.#held.push(resolve));
        return handOn(await this.#ask(arrived), response);
      case 'answer':
        response.writeHead(fault.status, fault.headers);
        response.end(fault.body);
        return;
      case 'garble':
        return sendBroken(response, fault.shape, (await this.#ask(arrived)).body);
      default:
        return assertNever(fault);
    }
  }

  async #ask(arrived: Arrived): Promise<Answered> {
    const answer = await forward(arrived, this.target, this.#own);
    return { ...answer, body: Buffer.from(this.rewrite(arrived, answer.body.toString('utf8'))) };
  }

  get #own(): OnBehalf {
    const { ca } = this.options;
    return ca === undefined ? {} : { tls: { ca } };
  }
}
