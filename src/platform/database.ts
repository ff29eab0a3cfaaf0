import pg from 'pg';
import { DatabaseInRecovery, isServersWord } from './database-errors.js';
import type { DatabaseHandle, Db, Statement } from '../../adapters/spi/engine-kind.js';
import { Slots } from './slots.js';
import { prepareEnds, queryWithEnds, type Ends } from './transaction-ends.js';
import { WaitingLimit } from './waiting-limit.js';
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

interface Answered<Row> {
  rows: Row[];
  rowCount: number;
}

/** What a transaction can be asked while it is open. */
export interface Transaction extends Db {
  /** Its last statement: COMMIT goes with it, in one round trip. Fails as COMMIT does, also when it was the statement that failed. */
  last<Row = Record<string, unknown>>(statement: Statement): Promise<Answered<Row>>;
}

/** How much longer than a statement may take we wait for the word that it took too long. */
const SILENCE_MS = 5_000;

/** How often we look for servers that say nothing. */
const LOOK_EVERY_MS = 1_000;

/** The one pool of a process. Store functions take a `Db` and so cannot leave a transaction by accident. */
export class Database implements DatabaseHandle {
  readonly pool: pg.Pool;
  private readonly limits: Slots[] = [];
  private readonly waitingLimit: WaitingLimit;
  private readonly looking: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions) {
    const { statementTimeoutMs } = options;
    this.waitingLimit = new WaitingLimit(options.max);
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
          .then(() => prepareEnds(client))
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
    return this.waitingLimit.reached(this.waiting, performance.now());
  }

  private get waiting(): number {
    return this.limits.reduce((sum, slots) => sum + slots.waiting, this.pool.waitingCount);
  }

  async query<Row = Record<string, unknown>>(statement: Statement): Promise<Answered<Row>> {
    return run<Row>(this.pool, statement);
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
    const transaction = new OpenTransaction(client);
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

/** COMMIT was sent and its answer was lost: the transaction may or may not have happened. */
export class CommitOutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the outcome of the COMMIT is unknown', { cause });
    this.name = 'CommitOutcomeUnknown';
  }
}

/** BEGIN goes with the first statement: without one there is nothing to end. */
class OpenTransaction implements Transaction {
  private state: 'not begun' | 'open' | 'ended' = 'not begun';

  constructor(private readonly client: pg.PoolClient) {}

  query<Row>(statement: Statement): Promise<Answered<Row>> {
    if (this.state === 'open') return run<Row>(this.client, statement);
    return this.withEnds<Row>(statement, { begin: true, commit: false });
  }

  async last<Row>(statement: Statement): Promise<Answered<Row>> {
    return this.committing(() => this.withEnds<Row>(statement, { begin: this.state === 'not begun', commit: true }));
  }

  async commit(): Promise<void> {
    if (this.state === 'open') await this.committing(() => this.client.query('COMMIT'));
  }

  /** The error of a connection that is of no use any more. */
  async rollback(): Promise<Error | undefined> {
    if (this.state === 'not begun') return undefined;
    try {
      await this.client.query('ROLLBACK');
      return undefined;
    } catch (failure) {
      return failure instanceof Error ? failure : new Error(String(failure));
    }
  }

  private async withEnds<Row>(statement: Statement, ends: Ends): Promise<Answered<Row>> {
    if (this.state === 'ended') throw new Error('a statement came after the last one of its transaction');
    this.state = ends.commit ? 'ended' : 'open';
    return answered<Row>(await queryWithEnds(this.client, statement, ends));
  }

  private async committing<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      // A deferred constraint, say: definitely not committed. A server that goes down meanwhile may have written it to its log.
      if (isServersWord(error)) throw error;
      throw new CommitOutcomeUnknown(error);
    }
  }
}

async function run<Row>(queryable: pg.Pool | pg.PoolClient, statement: Statement): Promise<Answered<Row>> {
  return answered<Row>(await queryable.query(statement as pg.QueryConfig));
}

function answered<Row>({ rows, rowCount }: pg.QueryResult): Answered<Row> {
  return { rows: rows as Row[], rowCount: rowCount ?? 0 };
}
