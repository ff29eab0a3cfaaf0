import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

/** As many wait for each connection as a request may wait for. */
const WAITING = 6;

let db: TestDatabase;
let database: Database;
beforeAll(async () => {
  db = await createTestDatabase();
  database = new Database({ url: db.url, max: 2, acquireTimeoutMs: 10_000, applicationName: 'limited' });
});
afterAll(async () => {
  await database.close();
  await db.drop();
});

test('statements of one kind leave connections to others, and who waits for them counts as overload', async () => {
  const limited = database.limited(1);
  const slow = (count: number): Promise<unknown>[] =>
    Array.from({ length: count }, () => limited.query({ text: 'SELECT pg_sleep(0.02)' }));
  const few = slow(2 * WAITING);
  expect(database.overloaded).toBe(false);
  const more = slow(1);
  expect(database.overloaded).toBe(true);
  // The second connection is free.
  const other = await Promise.race([database.query({ text: 'SELECT 1' }), Promise.all(few)]);
  expect(other).toMatchObject({ rowCount: 1 });
  await Promise.all([...few, ...more]);
  expect(database.overloaded).toBe(false);
});

test('a statement that fails gives its turn back', async () => {
  const limited = database.limited(1);
  await expect(limited.query({ text: 'SELECT 1/0' })).rejects.toThrow('division by zero');
  expect(await limited.query({ text: 'SELECT 1' })).toMatchObject({ rowCount: 1 });
});
