/**
 * BEGIN and COMMIT in the round trip of a statement. All of it stands before one Sync: after an error the server passes over what
 * follows, so that nothing runs outside its transaction and nothing commits that failed
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY).
 */
import pg from 'pg';
import type { Statement } from '../../adapters/spi/engine-kind.js';

/** Which ends of a transaction go with a statement: one at least. */
export type Ends = { begin: true; commit: boolean } | { begin: boolean; commit: true };

type End = 'BEGIN' | 'COMMIT';

/** A connection whose statements take BEGIN and COMMIT along. */
export class TransactionClient extends pg.Client {
  /** COMMIT goes behind the statement that is being sent, if it is executed: one whose values cannot be sent is not. */
  private commits = false;

  constructor(config?: pg.ClientConfig) {
    super(config);
    const { connection } = this;
    const execute = connection.execute.bind(connection);
    connection.execute = (config, more) => {
      execute(config, more);
      if (!this.commits) return;
      this.commits = false;
      this.send('COMMIT');
    };
  }

  /** The connection as what it is; throws when it comes from a pool that makes others. */
  static of(client: pg.ClientBase): TransactionClient {
    if (client instanceof TransactionClient) return client;
    throw new TypeError('the connection is of another pool');
  }

  /** Prepares both, each named as it reads. Asked once, before the first transaction. */
  prepareEnds(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.query({
        submit(connection: pg.Connection): void {
          for (const end of ['BEGIN', 'COMMIT']) connection.parse({ name: end, text: end, types: [] }, true);
          connection.sync();
        },
        handleError: reject,
        handleReadyForQuery: () => resolve(),
      });
    });
  }

  /** The answer to the statement itself. Fails as a whole, with the first error that the server had. */
  queryWithEnds(statement: Statement, { begin, commit }: Ends): Promise<pg.QueryResult> {
    return new Promise((resolve, reject) => {
      // `pg` makes a result for each command that was answered.
      const callback = (error: Error | null, results: pg.QueryResult[]): void => {
        if (error) reject(error);
        else resolve(results[begin ? 1 : 0] as pg.QueryResult);
      };
      const query = new pg.Query({ ...statement, queryMode: 'extended', callback } as pg.QueryConfig);
      const submit = query.submit;
      query.submit = (connection) => {
        connection.stream.cork();
        try {
          if (begin) this.send('BEGIN');
          this.commits = commit;
          return submit.call(query, connection);
        } finally {
          this.commits = false;
          connection.stream.uncork();
        }
      };
      this.query(query);
    });
  }

  private send(end: End): void {
    this.connection.bind({ statement: end }, true);
    this.connection.execute({}, true);
  }
}
