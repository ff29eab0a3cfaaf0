/** A server, or a network, that takes a statement and says nothing more: no limit of the server's own ends that. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { CommitOutcomeUnknown } from '../../src/platform/transaction.js';
import { isDatabaseUnavailable } from '../../src/platform/database-errors.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { carriesCommit, FaultProxy } from '../support/fault-proxy.js';
import { until } from '../support/until.js';

/** It is given up five seconds later, and looked for every second. */
const STATEMENT_TIMEOUT_MS = 100;
const GIVEN_UP_MS = 8_000;

let db: TestDatabase;
let proxy: FaultProxy;
let database: Database;
beforeEach(async () => {
  db = await createTestDatabase();
  proxy = await FaultProxy.start(db.url);
  database = open();
});
afterEach(async () => {
  await database.close();
  await proxy.close();
  await db.drop();
});

function open(): Database {
  const url = proxy.through(db.url);
  const statementTimeoutMs = STATEMENT_TIMEOUT_MS;
  return new Database({ url, max: 1, acquireTimeoutMs: 20_000, applicationName: 'silent', statementTimeoutMs });
}

/** Of these bytes nothing arrives. */
const swallow = (what: string | ((bytes: Buffer) => boolean)): void => {
  const when = typeof what === 'string' ? (bytes: Buffer): boolean => bytes.includes(what) : what;
  proxy.plan({ fault: { do: 'delay', ms: 600_000 }, when, times: 1 });
};

async function failure(work: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const began = performance.now();
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { error, tookMs: performance.now() - began };
}

test('a statement fails, on a connection that nobody is given again', async () => {
  const before = await pid();
  swallow('of-interest');
  const { error, tookMs } = await failure(database.query({ text: `SELECT 'of-interest'` }));
  expect([isDatabaseUnavailable(error), tookMs < GIVEN_UP_MS]).toEqual([true, true]);
  expect(await pid()).not.toBe(before);
});

test('nobody knows of a commit whether it happened', async () => {
  swallow(carriesCommit);
  const { error, tookMs } = await failure(database.transaction((one) => one.query({ text: 'SELECT 1' })));
  expect([error instanceof CommitOutcomeUnknown, tookMs < GIVEN_UP_MS]).toEqual([true, true]);
  expect(await pid()).toBeGreaterThan(0);
});

test('what is asked of a new connection, before anybody has it, is given up too', async () => {
  swallow('pg_is_in_recovery');
  const { error, tookMs } = await failure(database.query({ text: 'SELECT 1' }));
  expect([isDatabaseUnavailable(error), tookMs < GIVEN_UP_MS]).toEqual([true, true]);
  expect(await pid()).toBeGreaterThan(0);
});

test('who closes the pool waits for it no longer', async () => {
  const other = open();
  await pid(other);
  swallow('of-interest');
  const asked = failure(other.query({ text: `SELECT 'of-interest'` }));
  await until(
    () => Promise.resolve(proxy.faulted),
    (faulted) => faulted > 0,
  );
  const { tookMs } = await failure(other.close());
  expect([isDatabaseUnavailable((await asked).error), tookMs < GIVEN_UP_MS]).toEqual([true, true]);
});

test('a connection is given up neither for being at work for long nor for having nothing to do', async () => {
  const idle = open();
  const before = [await pid(), await pid(idle)];
  const until = performance.now() + GIVEN_UP_MS;
  // Two who ask on one connection: it goes from one to the other without a pause.
  const ask = async (): Promise<void> => {
    while (performance.now() < until) await database.query({ text: 'SELECT pg_sleep(0.05)' });
  };
  await Promise.all([ask(), ask()]);
  expect([await pid(), await pid(idle)]).toEqual(before);
  await idle.close();
});

async function pid(of: Database = database): Promise<number> {
  const { rows } = await of.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
  return rows[0]?.pid ?? 0;
}
