import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Json } from '../../definition/definition-types.js';
import { jsonbTextBytes } from './jsonb-text-bytes.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const NUMBERS = [0, -0, 7, -7, 0.5, -12.25, 1e20, 1e21, -1e21, 1.5e300, 1e308, 1.7976931348623157e308, 1e-6, 1e-7];
const SMALL = [-1e-7, 1.25e-7, 1.2345678901234568e-300, 5e-324, 2.2250738585072014e-308, 2 ** 66];

const rows: { reason: string; value: Json }[] = [
  { reason: 'nothing in an object', value: {} },
  { reason: 'nothing in a list', value: [] },
  { reason: 'words', value: [null, true, false] },
  { reason: 'members of members', value: { a: { b: [1, [2, { c: null }]], 'a name': '' }, d: [] } },
  { reason: 'what is escaped in a text', value: { '"\\': '/\b\f\n\r\t\u0001\u001f\u007f\u2028"\\' } },
  { reason: 'characters of several bytes', value: ['ä', '漢字', '😀', { ä: '😀' }] },
  ...[...NUMBERS, ...SMALL].map((value) => ({ reason: `the number ${value}`, value })),
];

test.each(rows)('is what PostgreSQL takes to show $reason', async ({ value }) => {
  const { rows: answers } = await db.database.query<{ bytes: number }>({
    text: 'SELECT octet_length($1::jsonb::text) AS bytes',
    values: [JSON.stringify(value)],
  });
  expect(answers).toEqual([{ bytes: jsonbTextBytes(value) }]);
});
