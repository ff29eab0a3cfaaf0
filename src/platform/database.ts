import pg from 'pg';
import { DatabaseInRecovery } from './database-errors.js';
import type { DatabaseHandle, Db, Statement } from '../../adapters/spi/engine-kind.js';
import { Slots } from './slots.js';
import { answered, CommitOutcomeUnknown, OpenTransaction, type Answered, type Transaction } from './transaction.js';
import { TransactionClient } from './transaction-ends.js';
import { WatchedClient } from './watched-client.js';

export type { Db, Statement } from '../../adapters/spi/engine-kind.js';

// Ids are 64-bit in the database and stay below 2^53 for any life a service has; sums and counts likewise.
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => Number(text));

export interface PoolOptions {
  url: string;
  /** Connections at most. */
  max: number;
  /** Milliseconds to wait for a free connection before the caller is told that the database is busy. */
  acquireTimeoutMs: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Milliseconds one statement may take on the server; a server that does not answer at all is given up soon after. */
  statementTimeoutMs?: number;
}

/** Of the pool: at work, idle; and who waits for one. */
export interface Connections {
  busy: number;
  idle: number;
  waiting: number;
}

/** How much longer than a statement may take we wait for the word that it took too long. */
const SILENCE_MS = 5_000;

/** How often we look for servers that say nothing. */
const LOOK_EVERY_MS = 1_000;

/** Requests that may wait for each connection. At a few milliseconds a request that is a tenth of a second for the last of them. */
const WAITING_PER_CONNECTION = 6;

/** The one pool of a process. Store functions take a `Db` and so cannot leave a transaction by accident. */
export class Database implements DatabaseHandle {
  readonly pool: pg.Pool;
  private readonly limits: Slots[] = [];
  private readonly looking: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions) {
    const { statementTimeoutMs } = options;
    this.pool = new pg.Pool({
      Client: WatchedClient,
      connectionString: options.url,
      max: options.max,
      connectionTimeoutMillis: options.acquireTimeoutMs,
      idleTimeoutMillis: 30_000,
      application_name: options.applicationName,
      ...(statementTimeoutMs === undefined ? {} : { statement_timeout: statementTimeoutMs }),
      keepAlive: true,
      verify: (client, done) => {
        refuseStandby(client)
          .then(() => TransactionClient.of(client).prepareEnds())
          .then(() => done(), done);
      },
    });
    // A connection that breaks is replaced by the pool; an error that nobody listens to would end the process. The pool itself
    // listens while a connection is idle, and not in the moment in which it hands one to a transaction.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    if (statementTimeoutMs !== undefined) this.looking = this.cutSilent(statementTimeoutMs + SILENCE_MS);
  }

  get connections(): Connections {
    const { totalCount, idleCount } = this.pool;
    return { busy: totalCount - idleCount, idle: idleCount, waiting: this.waiting };
  }

  /** So many wait for a connection that whoever comes now would be answered too late. */
  get overloaded(): boolean {
    return this.waiting >= WAITING_PER_CONNECTION * this.pool.options.max;
  }

  private get waiting(): number {
    return this.limits.reduce((sum, slots) => sum + slots.waiting, this.pool.waitingCount);
  }

  async query<Row = Record<string, unknown>>(statement: Statement): Promise<Answered<Row>> {
    return answered<Row>(await this.pool.query(statement as pg.QueryConfig));
  }

  /** For statements of one kind, of which so many are under way at once. Who waits for that counts as waiting for a connection. */
  limited(atOnce: number): Db {
    const slots = new Slots(atOnce);
    this.limits.push(slots);
    return {
      query: async <Row>(statement: Statement) => {
        const release = await slots.take();
        try {
          return await this.query<Row>(statement);
        } finally {
          release?.();
        }
      },
    };
  }

  async transaction<T>(work: (db: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    const transaction = new OpenTransaction(TransactionClient.of(client));
    let broken: Error | undefined;
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } catch (error) {
      // Nothing more is sent on a connection whose COMMIT was not answered: it is dropped.
      broken = error instanceof CommitOutcomeUnknown ? error : await transaction.rollback();
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    // It waits for statements under way, which may be silent ones.
    await this.pool.end();
    clearInterval(this.looking);
  }

  /** Whoever waits for longer is told that the database could not be asked. */
  private cutSilent(afterMs: number): NodeJS.Timeout {
    const clients = new Set<WatchedClient>();
    this.pool.on('connect', (client) => client instanceof WatchedClient && clients.add(client));
    this.pool.on('remove', (client) => client instanceof WatchedClient && clients.delete(client));
    const look = (): void => clients.forEach((client) => client.cutIfSilentFor(afterMs));
    return setInterval(look, LOOK_EVERY_MS).unref();
  }
}

/**
 * Throws `DatabaseInRecovery` for a connection to a standby: a read there shows states that have passed, and a lost COMMIT
 * that has not arrived there yet looks as if it had never been. A server in recovery becomes a primary by promotion, never
 * the other way round while a connection lives.
 */
export async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (rows[0]?.standby !== false) throw new DatabaseInRecovery();
}
