import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

test('the migrated template is cloned', async () => {
  const { rows } = await db.database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM installation' });
  expect(rows[0]?.n).toBe(1);
});
