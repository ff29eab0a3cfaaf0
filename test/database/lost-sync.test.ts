/** A commit that the disk refuses ends the server, which says so with an SQLSTATE: its log may hold the commit all the same. */
import { afterEach, beforeEach, expect } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { CommitOutcomeUnknown } from '../../src/platform/transaction.js';
import { isDatabaseUnavailable } from '../../src/platform/database-errors.js';
import { failSyncs, syncFaultObstacle } from '../support/failing-syncs.js';
import { PostgresServer } from '../support/postgres-server.js';
import { testWhere } from '../support/test-where.js';

const INSERT = 'INSERT INTO things VALUES (1)';

let postgres: PostgresServer;
let database: Database;
let heal: (() => Promise<void>) | undefined;
beforeEach(async () => {
  postgres = await PostgresServer.start();
  await postgres.ask('CREATE TABLE things (id int)');
  database = new Database({ url: postgres.url, max: 1, acquireTimeoutMs: 5_000, applicationName: 'lost-sync' });
});
afterEach(async () => {
  await heal?.();
  heal = undefined;
  await database.close();
  await postgres.remove();
});

testWhere(syncFaultObstacle())('nobody knows whether a transaction was committed', async () => {
  await backendFails();
  const work = database.transaction((db) => db.query({ text: INSERT }));
  await expect(work).rejects.toThrow(CommitOutcomeUnknown);
});

testWhere(syncFaultObstacle())('a statement says that the database could not be asked', async () => {
  await backendFails();
  const error = await database.query({ text: INSERT }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: '58030', severity: 'PANIC' });
  expect(isDatabaseUnavailable(error)).toBe(true);
});

/** The one backend that our connection has cannot write from now on. */
async function backendFails(): Promise<void> {
  const { rows } = await database.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
  heal = await failSyncs(rows[0]?.pid ?? 0);
}
