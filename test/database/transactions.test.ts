/** Transactions whose BEGIN and COMMIT go with their statements, on a real server. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Database } from '../../src/platform/database.js';
import { CommitOutcomeUnknown, OpenTransaction, type Transaction } from '../../src/platform/transaction.js';
import { errorCode } from '../../src/platform/database-errors.js';
import { TransactionClient } from '../../src/platform/transaction-ends.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { carriesCommit, FaultProxy } from '../support/fault-proxy.js';

let db: TestDatabase;
let proxy: FaultProxy;
let database: Database;
beforeAll(async () => {
  db = await createTestDatabase();
  proxy = await FaultProxy.start(db.url);
  const url = proxy.through(db.url);
  // One connection: what a transaction leaves on it the next one meets.
  database = new Database({ url, max: 1, acquireTimeoutMs: 5_000, applicationName: 'transactions' });
  await database.query({
    text: 'CREATE TABLE kept (id int PRIMARY KEY, other int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
  });
});
beforeEach(() => database.query({ text: 'TRUNCATE kept' }));
afterEach(() => proxy.heal());
afterAll(async () => {
  await database.close();
  await proxy.close();
  await db.drop();
});

const insert = (id: number, other = id) => ({
  name: 'insert',
  text: 'INSERT INTO kept VALUES ($1, $2) RETURNING id',
  values: [id, other],
});
const unnamed = (id: number) => ({ text: 'INSERT INTO kept VALUES ($1, $1)', values: [id] });
const simple = (id: number) => ({ text: `INSERT INTO kept VALUES (${id}, ${id})` });
const WRONG = { text: 'SELECT 1/0' };

/** As another connection sees it. */
async function kept(): Promise<number[]> {
  const { rows } = await db.database.query<{ id: number }>({ text: 'SELECT id FROM kept ORDER BY id' });
  return rows.map(({ id }) => id);
}

async function failure(work: (one: Transaction) => Promise<unknown>): Promise<unknown> {
  return database.transaction(work).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('what is committed', () => {
  const rows: [reason: string, work: (one: Transaction) => Promise<unknown>, ids: number[]][] = [
    ['nothing was asked', () => Promise.resolve(), []],
    ['one statement', (one) => one.query(insert(1)), [1]],
    ['one statement without a name', (one) => one.query(unnamed(1)), [1]],
    ['one statement without values', (one) => one.query(simple(1)), [1]],
    [
      'several',
      async (one) => (await one.query(insert(1)), await one.query(unnamed(2)), await one.query(simple(3))),
      [1, 2, 3],
    ],
    ['two at once', (one) => Promise.all([one.query(insert(1)), one.query(insert(2))]), [1, 2]],
    ['a last one', async (one) => (await one.query(insert(1)), await one.last(insert(2))), [1, 2]],
    ['a last one without a name', async (one) => (await one.query(insert(1)), await one.last(unnamed(2))), [1, 2]],
    ['a last one beside another', (one) => Promise.all([one.query(insert(1)), one.last(insert(2))]), [1, 2]],
    ['only a last one', (one) => one.last(insert(1)), [1]],
    ['only a last one, of a text', (one) => one.last(simple(1)), [1]],
  ];
  test.each(rows)('%s', async (_reason, work, ids) => {
    await database.transaction(work);
    expect(await kept()).toEqual(ids);
  });

  test('answers are those of the statement, not of BEGIN or COMMIT', async () => {
    const answers = await database.transaction(async (one) => [
      await one.query({ text: 'SELECT $1::int AS a UNION ALL SELECT 2', values: [1] }),
      await one.query(insert(5)),
      await one.last({ text: 'UPDATE kept SET other = other + 1' }),
    ]);
    expect(answers).toEqual([
      { rows: [{ a: 1 }, { a: 2 }], rowCount: 2 },
      { rows: [{ id: 5 }], rowCount: 1 },
      { rows: [], rowCount: 1 },
    ]);
  });
});

describe('what is not committed, and leaves a connection that can be used', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const rows: [reason: string, work: (one: Transaction) => Promise<unknown>, code: string | RegExp][] = [
    ['the first statement fails', (one) => one.query(WRONG), '22012'],
    ['a later one fails', async (one) => (await one.query(insert(1)), await one.query(WRONG)), '22012'],
    ['the last one fails', async (one) => (await one.query(insert(1)), await one.last(WRONG)), '22012'],
    [
      'the only one fails',
      (one) => one.last({ ...insert(1), text: 'INSERT INTO kept VALUES ($1 / 0, $2)', name: 'zero' }),
      '22012',
    ],
    [
      'only reads are possible',
      async (one) => (await one.query({ text: 'SET TRANSACTION READ ONLY' }), await one.last(insert(1))),
      '25006',
    ],
    ['a deferred constraint', async (one) => (await one.query(insert(1)), await one.query(insert(2, 1))), '23505'],
    [
      'a deferred constraint, with the last',
      async (one) => (await one.query(insert(1)), await one.last(insert(2, 1))),
      '23505',
    ],
    ['the work goes on after its first statement failed', (one) => one.query(WRONG).catch(() => undefined), '22012'],
    ['the work throws', async (one) => (await one.query(insert(1)), await Promise.reject(new Error('no'))), /^no$/],
    ['the work throws at once', () => Promise.reject(new Error('no')), /^no$/],
    [
      'values of the last one cannot be sent',
      async (one) => (await one.query(insert(1)), await one.last({ text: 'SELECT $1::jsonb', values: [circular] })),
      /outcome of the COMMIT/,
    ],
    [
      'values of the first one cannot be sent',
      (one) => one.query({ text: 'SELECT $1::jsonb', values: [circular] }),
      /circular/i,
    ],
  ];
  test.each(rows)('%s', async (_reason, work, code) => {
    const error = await failure(work);
    if (typeof code === 'string') expect(errorCode(error)).toBe(code);
    else expect((error as Error).message).toMatch(code);
    expect(await kept()).toEqual([]);
    await database.transaction((one) => one.last(insert(7)));
    expect(await kept()).toEqual([7]);
  });

  test('nothing is sent after the last statement', async () => {
    const error = await failure(async (one) => (await one.last(insert(1)), await one.query(insert(2))));
    expect((error as Error).message).toMatch('after the last one');
    expect(await kept()).toEqual([1]);
  });
});

describe('what is not known to be committed', () => {
  const rows = [
    { reason: 'the answer to the last statement is lost', fault: 'lose-response' as const, ids: [1, 2] },
    { reason: 'the last statement is lost on its way', fault: 'drop-request' as const, ids: [] },
  ];
  test.each(rows)('$reason', async ({ fault, ids }) => {
    proxy.plan({ fault: { do: fault }, times: 1, when: carriesCommit });
    const error = await failure(async (one) => (await one.query(insert(1)), await one.last(insert(2))));
    expect(error).toBeInstanceOf(CommitOutcomeUnknown);
    expect(await kept()).toEqual(ids);
  });
});

test('a transaction of four statements whose last takes COMMIT along makes four round trips', async () => {
  let turns = 0;
  await database.query({ text: 'SELECT 1' });
  proxy.plan({ fault: { do: 'delay', ms: 0 }, when: () => ((turns += 1), false) });
  await database.transaction(async (one) => {
    for (let id = 1; id <= 3; id++) await one.query(insert(id));
    await one.last(insert(4));
  });
  expect(turns).toBe(4);
  expect(await kept()).toEqual([1, 2, 3, 4]);
});

test('a BEGIN that fails takes all statements along', async () => {
  const client = new TransactionClient({ connectionString: db.url });
  await client.connect();
  await client.prepareEnds();
  await client.query('DEALLOCATE "BEGIN"');
  const transaction = new OpenTransaction(client);
  // The second one would run by itself.
  const asked = await Promise.allSettled([
    transaction.query(insert(1)),
    transaction.query(insert(2)),
    transaction.last(insert(3)),
  ]);
  const reasons: unknown[] = asked.map((one) => one.status === 'rejected' && errorCode(one.reason));
  expect(reasons).toEqual(['26000', '26000', '26000']);
  await transaction.rollback();
  await client.end();
  expect(await kept()).toEqual([]);
});
