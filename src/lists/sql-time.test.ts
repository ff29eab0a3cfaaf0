import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { rfc3339, sqlMicroseconds, sqlTime } from './sql-time.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

test.each([
  '2026-11-20 22:36:50+00',
  '2026-11-20 22:36:59.999999+00',
  '2026-11-20 22:37:00+00',
  '2026-11-20 22:37:09.009+00',
  '2026-11-20 22:37:09.1+00',
  '2026-11-20 22:37:09.123+02',
  '2026-12-31 23:59:59.999499+00',
  '1970-01-01 00:00:00.001+00',
  '1969-12-31 23:59:59.999+00',
  '1938-04-24 22:13:20.001+00',
  '2001-09-09 01:46:39.999999+00',
  '2001-09-09 01:46:40.000999+00',
  '2286-11-20 17:46:40.1+00',
  '2099-02-28 23:59:59.123999+00',
])('%s is written the same by PostgreSQL and by Node, cut to milliseconds', async (time) => {
  const { rows } = await db.database.query<{ text: string; microseconds: number }>({
    text: `SELECT ${sqlTime('t')} AS text, ${sqlMicroseconds('t')} AS microseconds FROM (SELECT $1::timestamptz AS t) AS given`,
    values: [time],
  });
  expect(rfc3339(String(rows[0]?.microseconds))).toBe(rows[0]?.text);
  expect(rows[0]?.text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('minutes that share a place are told apart', () => {
  const minutes = [0, 64, 0, 128, 64].map((minute) => 1_790_000_040_000_000 + minute * 60_000_000);
  const written = minutes.map((microseconds) => rfc3339(String(microseconds)));
  expect(written).toEqual(minutes.map((microseconds) => new Date(microseconds / 1000).toISOString()));
});
