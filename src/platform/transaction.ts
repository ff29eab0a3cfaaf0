import type pg from 'pg';
import type { Db, Statement } from '../../adapters/spi/engine-kind.js';
import { isServersWord, isStatementRefused } from './database-errors.js';
import type { Ends, TransactionClient } from './transaction-ends.js';

export interface Answered<Row> {
  rows: Row[];
  rowCount: number;
}

export function answered<Row>({ rows, rowCount }: pg.QueryResult): Answered<Row> {
  return { rows: rows as Row[], rowCount: rowCount ?? 0 };
}

/** What a transaction can be asked while it is open. */
export interface Transaction extends Db {
  /**
   * Its last statement: COMMIT goes with it, in one round trip. Whoever asks waits for the answer, and does nothing more that may fail.
   * Throws `CommitOutcomeUnknown` when the answer is lost, and what the server refuses.
   */
  last<Row = Record<string, unknown>>(statement: Statement): Promise<Answered<Row>>;
}

/** COMMIT was sent and its answer was lost: the transaction may or may not have happened. */
export class CommitOutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the outcome of the COMMIT is unknown', { cause });
    this.name = 'CommitOutcomeUnknown';
  }
}

/** BEGIN goes with the first statement: without one there is nothing to end. */
export class OpenTransaction implements Transaction {
  private begun: Promise<unknown> | undefined;
  private ended: Promise<unknown> | undefined;

  constructor(private readonly client: TransactionClient) {}

  query<Row>(statement: Statement): Promise<Answered<Row>> {
    if (this.ended) return Promise.reject(new Error('a statement came after the last one of its transaction'));
    if (this.begun) return this.later<Row>(statement);
    const first = this.withEnds<Row>(statement, { begin: true, commit: false });
    this.begun = first;
    return first;
  }

  last<Row>(statement: Statement): Promise<Answered<Row>> {
    if (this.ended) return Promise.reject(new Error('a transaction has one last statement'));
    const last = this.lastOne<Row>(statement);
    this.begun ??= last;
    this.ended = last;
    return last;
  }

  async commit(): Promise<void> {
    if (!this.begun) return;
    await this.begun;
    await (this.ended ?? committing(this.client.query('COMMIT')));
  }

  /** The error of a connection that is of no use any more. */
  async rollback(): Promise<Error | undefined> {
    if (!this.begun) return undefined;
    try {
      await this.client.query('ROLLBACK');
      return undefined;
    } catch (failure) {
      return failure instanceof Error ? failure : new Error(String(failure));
    }
  }

  /** Where it could not begin, a later statement would run by itself. */
  private async later<Row>(statement: Statement): Promise<Answered<Row>> {
    await this.begun;
    return answered<Row>(await this.client.query(statement as pg.QueryConfig));
  }

  private async lastOne<Row>(statement: Statement): Promise<Answered<Row>> {
    const { begun } = this;
    await begun;
    return committing(this.withEnds<Row>(statement, { begin: begun === undefined, commit: true }));
  }

  private async withEnds<Row>(statement: Statement, ends: Ends): Promise<Answered<Row>> {
    try {
      return answered<Row>(await this.client.queryWithEnds(statement, ends));
    } catch (error) {
      // As `pg` does for its own promises: the answer came from the socket, and who asked is what matters.
      if (error instanceof Error) Error.captureStackTrace(error);
      throw error;
    }
  }
}

async function committing<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    // Of the statement or a deferred constraint, say: definitely not committed. A server that goes down meanwhile may have
    // written it to its log.
    if (isServersWord(error) || isStatementRefused(error)) throw error;
    throw new CommitOutcomeUnknown(error);
  }
}
