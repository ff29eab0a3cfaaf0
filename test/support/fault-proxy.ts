/**
 * A TCP proxy on loopback that does what networks do. It knows no protocol: what one side sends until the other side answers
 * is a turn, and a fault befalls a turn. That is a request for HTTP with or without keep-alive, and a message for PostgreSQL.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type ProxyFault =
  /** Nothing of the turn arrives; the connection ends. */
  | { do: 'drop-request' }
  /** The turn arrives; its answer is swallowed and the connection ends. */
  | { do: 'lose-response' }
  /** The whole HTTP request arrives twice, the second time on a connection of its own; the first answer is handed on. */
  | { do: 'duplicate' }
  /** The turn arrives so many milliseconds later, even if the caller has gone. */
  | { do: 'delay'; ms: number };

export interface PlannedFault {
  fault: ProxyFault;
  /** Turns it befalls; all when absent. */
  times?: number;
  /** Only turns whose first bytes are so. */
  when?: (bytes: Buffer) => boolean;
  /** Share of the turns it befalls, drawn from the proxy's seed. */
  probability?: number;
}

/** The simple query by which a PostgreSQL client ends a transaction, or the execution of one that was prepared before. */
export function carriesCommit(bytes: Buffer): boolean {
  return /^Q[^]{4}COMMIT\0|B[^]{4}\0COMMIT\0/.test(bytes.toString('latin1'));
}

export interface ProxyTarget {
  host: string;
  port: number;
}

interface Connection {
  client: Socket;
  server: Socket;
}

export class FaultProxy {
  readonly #connections = new Set<Connection>();
  /** To the server, for what was late when its client had gone. */
  readonly #late = new Set<Socket>();
  #faults: PlannedFault[] = [];
  #port = 0;
  /** Turns that faults have befallen, by kind, and connections that were cut. */
  readonly befallen = new Map<ProxyFault['do'] | 'cut', number>();

  private constructor(
    public target: ProxyTarget,
    private readonly listener: Server,
    private readonly random: () => number,
  ) {}

  static async start(target: ProxyTarget | string, random: () => number = Math.random): Promise<FaultProxy> {
    const listener = createServer();
    const proxy = new FaultProxy(typeof target === 'string' ? targetOf(target) : target, listener, random);
    listener.on('connection', (client) => proxy.#take(client));
    await proxy.up();
    return proxy;
  }

  /** Turns a fault has befallen. */
  get faulted(): number {
    return [...this.befallen].reduce((sum, [kind, count]) => (kind === 'cut' ? sum : sum + count), 0);
  }

  get port(): number {
    return this.#port;
  }

  /** `url` of the target with the proxy in between. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String(this.#port);
    return changed.href.replace(/\/$/, '');
  }

  plan(planned: PlannedFault): void {
    this.#faults.push({ ...planned });
  }

  /** No fault befalls later turns. */
  heal(): void {
    this.#faults = [];
  }

  /** Ends every connection there is. */
  cut(): void {
    for (const { client, server } of this.#connections) {
      this.#count('cut');
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** Nobody listens any more, and every connection ends. */
  async down(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.listener.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    if (this.listener.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.listener.once('error', reject);
      this.listener.listen(this.#port, '127.0.0.1', () => {
        this.listener.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const server of this.#late) server.destroy();
    if (this.listener.listening) await this.down();
  }

  #take(client: Socket): void {
    const server = connect(this.target);
    const connection = { client, server };
    this.#connections.add(connection);
    // Errors are ends: the other side is told by ours.
    client.on('error', () => undefined);
    server.on('error', () => undefined);
    const turns = new Turns(connection, this.target, (bytes) => this.#draw(bytes));
    client.on('close', () => {
      this.#connections.delete(connection);
      if (turns.clientLeft() === 'late') this.#late.add(server);
    });
    server.on('close', () => {
      this.#late.delete(server);
      client.destroy();
    });
    turns.follow();
  }

  #draw(bytes: Buffer): ProxyFault | undefined {
    for (const planned of this.#faults) {
      if (planned.times !== undefined && planned.times <= 0) continue;
      if (planned.when && !planned.when(bytes)) continue;
      if (planned.probability !== undefined && this.random() >= planned.probability) continue;
      if (planned.times !== undefined) planned.times -= 1;
      this.#count(planned.fault.do);
      return planned.fault;
    }
    return undefined;
  }

  #count(kind: ProxyFault['do'] | 'cut'): void {
    this.befallen.set(kind, (this.befallen.get(kind) ?? 0) + 1);
  }
}

/** One connection, turn by turn. */
class Turns {
  #fault: ProxyFault | undefined;
  #sending = false;
  #request = Buffer.alloc(0);
  /** What was delayed is not answered yet. */
  #awaitsLate = false;
  #late: Buffer[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly target: ProxyTarget,
    private readonly draw: (bytes: Buffer) => ProxyFault | undefined,
  ) {}

  follow(): void {
    const { client, server } = this.connection;
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes));
    server.on('data', (bytes: Buffer) => this.#fromServer(bytes));
  }

  /** What was delayed still arrives, and is answered: a server in Go gives up what it does for a client that went away. */
  clientLeft(): 'late' | 'over' {
    if (this.#awaitsLate) return 'late';
    this.connection.server.end();
    return 'over';
  }

  #fromClient(bytes: Buffer): void {
    const { client, server } = this.connection;
    if (!this.#sending) {
      this.#sending = true;
      this.#fault = this.draw(bytes);
      this.#request = Buffer.alloc(0);
    }
    switch (this.#fault?.do) {
      case undefined:
      case 'lose-response':
        server.write(bytes);
        return;
      case 'drop-request':
        client.resetAndDestroy();
        return;
      case 'delay':
        this.#delay(bytes, this.#fault.ms);
        return;
      case 'duplicate':
        this.#request = Buffer.concat([this.#request, bytes]);
        server.write(bytes);
        if (isWholeRequest(this.#request)) this.#sendAgain(this.#request);
    }
  }

  #fromServer(bytes: Buffer): void {
    this.#sending = false;
    if (this.#awaitsLate && this.connection.client.destroyed) this.connection.server.end();
    this.#awaitsLate = false;
    if (this.#fault?.do === 'lose-response') this.connection.client.resetAndDestroy();
    else if (!this.connection.client.destroyed) this.connection.client.write(bytes);
  }

  /** All that came until then, at once. Servers close connections on which nothing comes: then it comes on another one. */
  #delay(bytes: Buffer, ms: number): void {
    this.#late.push(bytes);
    if (this.#late.length > 1) return;
    this.#awaitsLate = true;
    setTimeout(() => {
      const { server } = this.connection;
      const whole = Buffer.concat(this.#late.splice(0));
      if (server.writable && !server.readableEnded) server.write(whole);
      else this.#sendAgain(whole);
    }, ms).unref();
  }

  #sendAgain(request: Buffer): void {
    const again = connect(this.target);
    again.on('error', () => undefined);
    again.on('data', () => again.end());
    again.write(request);
  }
}

function isWholeRequest(bytes: Buffer): boolean {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = bytes.subarray(0, end).toString('latin1');
  if (/^transfer-encoding:\s*chunked/im.test(head)) return bytes.includes('\r\n0\r\n\r\n', end);
  return bytes.length >= end + 4 + Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
}

function targetOf(url: string): ProxyTarget {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
