/**
 * BEGIN and COMMIT in the round trip of a statement. All of it stands before one Sync: after an error the server passes over what
 * follows, so that nothing runs outside its transaction and nothing commits that failed
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY).
 */
import pg from 'pg';
import type { Statement } from '../../adapters/spi/engine-kind.js';

/** Which ends of a transaction go with a statement. */
export interface Ends {
  begin: boolean;
  commit: boolean;
}

type End = 'BEGIN' | 'COMMIT';

/** Asked once for a connection, before the first transaction on it: statements by the names of what they do. */
export function prepareEnds(client: pg.ClientBase): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query({
      submit(connection: pg.Connection): void {
        // In small letters, so that nobody on the way takes the preparation for a COMMIT.
        for (const end of ['BEGIN', 'COMMIT'])
          connection.parse({ name: end, text: end.toLowerCase(), types: [] }, true);
        connection.sync();
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(),
    });
  });
}

/** The answer to the statement itself. Fails as a whole, with the first error that the server had. */
export function queryWithEnds(client: pg.ClientBase, statement: Statement, ends: Ends): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    // `pg` makes a result for each command that was answered.
    const callback = (error: Error | null, results: pg.QueryResult[]): void => {
      if (error) reject(error);
      else resolve(results[ends.begin ? 1 : 0] as pg.QueryResult);
    };
    const query = new pg.Query({ ...statement, queryMode: 'extended', callback } as pg.QueryConfig);
    const submit = query.submit;
    query.submit = (connection) => {
      connection.stream.cork();
      try {
        if (ends.begin) send(connection, 'BEGIN');
        return submit.call(query, ends.commit ? committing(connection) : connection);
      } finally {
        connection.stream.uncork();
      }
    };
    client.query(query);
  });
}

function send(connection: pg.Connection, end: End): void {
  connection.bind({ statement: end }, true);
  connection.execute({}, true);
}

/** The connection as the statement sees it: COMMIT goes before its Sync, unless its values could not be sent and it is not executed. */
function committing(connection: pg.Connection): pg.Connection {
  let executed = false;
  const execute: pg.Connection['execute'] = (config, more) => {
    executed = true;
    connection.execute(config, more);
  };
  const sync = (): void => {
    if (executed) send(connection, 'COMMIT');
    connection.sync();
  };
  return Object.assign(Object.create(connection) as pg.Connection, { execute, sync });
}
