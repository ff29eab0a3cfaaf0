/**
 * A network between an adapter and a real engine: an HTTP proxy on loopback that knows which request is which verb's, and does to
 * it what the conformance suite asks for. Requests are journalled by what they are, whatever befell them.
 */
import { Agent as HttpAgent, createServer, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Verb, WireFault } from '../../adapters/conformance/harness.js';
import { assertNever } from '../../definition/assert-never.js';
import { sendBroken } from './scripted-engine/broken-answers.js';

interface Arrived extends WireRequest {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface WireRequest {
  method: string;
  /** With its query. */
  path: string;
}

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
  rewrite: (request: WireRequest, body: string) => string = (_, body) => body;

  readonly #server: Server;
  readonly #open: (options: object, answered: (answer: IncomingMessage) => void) => ClientRequest;
  readonly #streams: RegExp | undefined;
  readonly #journal: WireRequest[] = [];
  #fault: { verb: Verb; fault: WireFault } | undefined;
  #held: (() => void)[] = [];
  #port = 0;

  private constructor(
    private readonly target: URL,
    private readonly routeOf: RouteOf,
    { ca, streams }: WireOptions,
  ) {
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#streams = streams;
    // No connection is used twice: an engine may end an idle one at the very moment of the next request.
    const agent = target.protocol === 'https:' ? new HttpsAgent(ca === undefined ? {} : { ca }) : new HttpAgent();
    const open = target.protocol === 'https:' ? httpsRequest : httpRequest;
    this.#open = (options, answered) => open({ ...options, agent }, answered);
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
    const { method = 'GET', url: path = '/', headers } = message;
    const body = await bytesOf(message);
    this.#journal.push({ method, path });
    const arrived = { method, path, headers, body };
    const planned = this.#fault && this.#is(this.#fault.verb, method, path) ? this.#fault.fault : undefined;
    try {
      await this.#befall(planned, arrived, response);
    } catch {
      // The engine has ended the connection: so do we.
      response.destroy();
    }
  }

  async #befall(fault: WireFault | undefined, arrived: Arrived, response: ServerResponse): Promise<void> {
    switch (fault?.fault) {
      case undefined:
        if (this.#streams?.test(arrived.path)) return pass(await this.#begin(arrived), response);
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
    const answer = await this.#begin(arrived);
    const said = await bytesOf(answer);
    const { statusCode: status = 502, headers } = answer;
    return { status, headers, body: Buffer.from(this.rewrite(arrived, said.toString('utf8'))) };
  }

  /** Answers as soon as the engine begins to. */
  async #begin({ method, path, headers, body }: Arrived): Promise<IncomingMessage> {
    const { hostname, port } = this.target;
    // Plain texts, which can be changed and broken.
    const { connection: _connection, host: _host, 'accept-encoding': _encoding, ...kept } = headers;
    return new Promise((resolve, reject) => {
      const request = this.#open(
        { hostname, port, method, path, headers: { ...kept, host: this.target.host } },
        resolve,
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

/** Each part at once; whichever side ends first ends the other. */
async function pass(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const { statusCode = 502, headers } = answer;
  const { 'transfer-encoding': _encoding, connection: _connection, ...kept } = headers;
  response.writeHead(statusCode, kept);
  response.flushHeaders();
  await pipeline(answer, response);
}

function handOn({ status, headers, body }: Answered, response: ServerResponse): void {
  const { 'transfer-encoding': _encoding, 'content-length': _length, connection: _connection, ...kept } = headers;
  const length = status === 204 ? {} : { 'content-length': String(body.length) };
  response.writeHead(status, { ...kept, ...length });
  response.end(status === 204 ? undefined : body);
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
