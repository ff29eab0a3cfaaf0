import type pg from 'pg';
import type { Db, Statement } from '../../adapters/spi/engine-kind.js';
import { isServersWord } from './database-errors.js';
import type { Ends, EndsClient } from './transaction-ends.js';

export interface Answered<Row> {
  rows: Row[];
  rowCount: number;
}

export function answered<Row>({ rows, rowCount }: pg.QueryResult): Answered<Row> {
  return { rows: rows as Row[], rowCount: rowCount ?? 0 };
}

/** What a transaction can be asked while it is open. */
export interface Transaction extends Db {
  /** Its last statement: COMMIT goes with it, in one round trip. Fails as COMMIT does, also when it was the statement that failed. */
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
  private state: 'not begun' | 'open' | 'ended' = 'not begun';

  constructor(private readonly client: EndsClient) {}

  query<Row>(statement: Statement): Promise<Answered<Row>> {
    if (this.state === 'open') return this.ask<Row>(statement);
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

  private async ask<Row>(statement: Statement): Promise<Answered<Row>> {
    return answered<Row>(await this.client.query(statement as pg.QueryConfig));
  }

  private async withEnds<Row>(statement: Statement, ends: Ends): Promise<Answered<Row>> {
    if (this.state === 'ended') throw new Error('a statement came after the last one of its transaction');
    this.state = ends.commit ? 'ended' : 'open';
    return answered<Row>(await this.client.queryWithEnds(statement, ends));
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
