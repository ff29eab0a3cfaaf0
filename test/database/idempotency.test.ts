import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { Database, type Db, type Statement } from '../../src/platform/database.js';
import { CommitOutcomeUnknown, type Transaction } from '../../src/platform/transaction.js';
import type { WriteRequest } from '../../src/platform/http/write-request.js';
import { forgetOldAnswers, idempotent } from '../../src/platform/idempotency.js';
import { fingerprint, lockKey } from '../../src/platform/idempotency-fingerprint.js';
import { Problem } from '../../src/platform/problem.js';
import { WatchedClient } from '../../src/platform/watched-client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { carriesCommit, FaultProxy } from '../support/fault-proxy.js';

let db: TestDatabase;
let database: Database;
beforeAll(async () => {
  db = await createTestDatabase();
  database = db.database;
  await database.query({ text: 'CREATE TABLE things (id serial PRIMARY KEY, name text)' });
});
beforeEach(async () => {
  await database.query({ text: 'TRUNCATE things, idempotency_keys' });
});
afterAll(() => db.drop());

const request = (change: Partial<WriteRequest> = {}): WriteRequest => ({
  project: 'default',
  key: 'k1',
  operation: 'createThing',
  pathParams: {},
  body: { name: 'a' },
  ...change,
});

async function insert(tx: Db) {
  const { rows } = await tx.query<{ id: number }>({ text: `INSERT INTO things (name) VALUES ('a') RETURNING id` });
  return { status: 201, location: `/v1/things/${rows[0]?.id}`, body: { id: rows[0]?.id, text: 'ä "quoted"', n: 1.5 } };
}

async function things(): Promise<number> {
  const { rows } = await database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM things' });
  return rows[0]?.n ?? -1;
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Problem ? error.code : error),
  );

describe('a key', () => {
  test('makes a repeat answer the same status, location and bytes, and write nothing', async () => {
    const first = await idempotent(database, request(), insert);
    const again = await idempotent(database, request(), insert);
    expect(first).toMatchObject({ status: 201, replayed: false });
    expect({ ...again }).toEqual({ ...first, replayed: true });
    expect(await things()).toBe(1);
  });

  test('with another body, operation or path is refused without effect', async () => {
    await idempotent(database, request(), insert);
    for (const change of [{ body: { name: 'b' } }, { operation: 'other' }, { pathParams: { id: '1' } }]) {
      expect(await codeOf(idempotent(database, request(change), insert))).toBe('idempotency-key-reused');
    }
    expect(await things()).toBe(1);
  });

  test('of another project is another key', async () => {
    await idempotent(database, request(), insert);
    const other = await idempotent(database, request({ project: 'team-a', body: { name: 'b' } }), insert);
    expect([other.replayed, await things()]).toEqual([false, 2]);
  });

  test('whose request is under way answers at once that it is, and holds no connection', async () => {
    const outcome = await database.transaction(async (tx) => {
      await tx.query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [lockKey('default', 'k1')] });
      return codeOf(idempotent(database, request(), insert));
    });
    expect([outcome, await things()]).toEqual(['idempotency-in-progress', 0]);
  });

  test('used fifty times at once writes once; every other answer is a replay or "in progress"', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        idempotent(database, request(), insert).then(
          (answer) => (answer.replayed ? 'replayed' : 'written'),
          (error: unknown) => (error as Problem).code,
        ),
      ),
    );
    expect(answers.filter((answer) => answer === 'written')).toHaveLength(1);
    expect(
      [...new Set(answers)].filter((a) => !['written', 'replayed', 'idempotency-in-progress'].includes(a)),
    ).toEqual([]);
    expect(await things()).toBe(1);
  });

  test('whose write was refused is free for another try', async () => {
    const refuse = () => Promise.reject(new Problem('workflow-not-found', { detail: 'No.' }));
    expect(await codeOf(idempotent(database, request(), refuse))).toBe('workflow-not-found');
    expect(await idempotent(database, request(), insert)).toMatchObject({ replayed: false });
  });

  test('that another process stored between our look and our write leads to its answer', async () => {
    let raced = false;
    const answer = await idempotent(database, request(), async (tx) => {
      if (!raced) {
        raced = true;
        // What the other process committed just after our statement had looked; its lock is gone by now.
        const other = new Database({ url: db.url, max: 1, acquireTimeoutMs: 1_000, applicationName: 'other' });
        await other.query({
          text: `INSERT INTO idempotency_keys (project, key, fingerprint, status, body)
                 VALUES ('default', 'k1', $1, 201, '{"by":"the other"}')`,
          values: [fingerprint(request())],
        });
        await other.close();
      }
      return insert(tx);
    });
    expect(answer).toMatchObject({ text: '{"by":"the other"}', replayed: true });
    expect(await things()).toBe(0);
  });
});

/** Its last statement leaves the transaction open. */
function withoutCommit(db: Db): Transaction {
  return { query: (statement) => db.query(statement), last: (statement) => db.query(statement) };
}

/** A database whose n-th COMMITs lose their answer, after they took effect or before. */
class LossyDatabase extends Database {
  attempts = 0;
  constructor(
    private readonly losses: ('committed' | 'not committed')[],
    options = { url: db.url, max: 4, acquireTimeoutMs: 1_000, applicationName: 'lossy' },
  ) {
    super(options);
  }

  override async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.attempts += 1;
    const loss = this.losses.shift();
    if (loss === 'not committed') {
      await super
        .transaction(async (tx) => {
          await work(withoutCommit(tx));
          throw new Error('gone before COMMIT');
        })
        .catch(() => undefined);
    } else {
      const result = await super.transaction(work);
      if (loss === undefined) return result;
    }
    throw new CommitOutcomeUnknown(new Error('Connection terminated'));
  }
}

describe('a COMMIT whose answer was lost', () => {
  const rows = [
    {
      reason: 'it had committed: the stored answer, written once',
      losses: ['committed' as const],
      key: 'k1',
      count: 1,
    },
    { reason: 'it had not: the write is made again, once', losses: ['not committed' as const], key: 'k1', count: 1 },
    { reason: 'committed, and the client gave no key', losses: ['committed' as const], key: undefined, count: 1 },
    {
      reason: 'not committed, and the client gave no key',
      losses: ['not committed' as const],
      key: undefined,
      count: 1,
    },
  ];
  test.each(rows)('$reason', async ({ losses, key, count }) => {
    const lossy = new LossyDatabase([...losses]);
    const { key: _, ...keyless } = request();
    const answer = await idempotent(lossy, key === undefined ? keyless : request({ key }), insert);
    const { rows: stored } = await database.query<{ id: number }>({ text: 'SELECT id FROM things' });
    expect(answer).toMatchObject({ status: 201, location: `/v1/things/${stored[0]?.id}`, replayed: false });
    expect(stored).toHaveLength(count);
    await lossy.close();
  });

  test.each([{ key: 'k1' }, { key: undefined }])(
    'that is under way when its connection is cut is waited for: %p',
    async ({ key }) => {
      const proxy = await FaultProxy.start(db.url);
      const clients: WatchedClient[] = [];
      const cut = new Database({ url: proxy.through(db.url), max: 2, acquireTimeoutMs: 1_000, applicationName: 'cut' });
      cut.pool.on('connect', (client) => client instanceof WatchedClient && clients.push(client));
      proxy.plan({ fault: { do: 'delay', ms: 1_000 }, times: 1, when: carriesCommit });
      let written = 0;
      const { key: _, ...keyless } = request();
      const answer = idempotent(cut, key === undefined ? keyless : request({ key }), (tx) => {
        written += 1;
        return insert(tx);
      });
      while (proxy.faulted === 0) await sleep(5);
      for (const client of clients) client.cutIfSilentFor(0);
      expect(await answer).toMatchObject({ status: 201, replayed: false });
      // Nobody took it for one that was not made while it could still arrive.
      expect({ written, things: await things() }).toEqual({ written: 1, things: 1 });
      await cut.close();
      await proxy.close();
    },
  );

  /** Its first COMMIT is sent and neither answered nor carried out: the old backend keeps its lock until `end`. */
  class HangingDatabase extends Database {
    private old: pg.PoolClient | undefined;

    override async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
      if (this.old) return super.transaction(work);
      const old = (this.old = await this.pool.connect());
      await old.query('BEGIN');
      const query = async <Row>(statement: Statement): Promise<{ rows: Row[]; rowCount: number }> => {
        const { rows, rowCount } = await old.query(statement as pg.QueryConfig);
        return { rows: rows as Row[], rowCount: rowCount ?? 0 };
      };
      await work(withoutCommit({ query }));
      throw new CommitOutcomeUnknown(new Error('Connection terminated'));
    }

    async end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
      await this.old?.query(how);
      this.old?.release();
    }
  }

  const hanging = () =>
    new HangingDatabase({ url: db.url, max: 4, acquireTimeoutMs: 1_000, applicationName: 'hanging' });

  async function somebodyWaits(): Promise<void> {
    for (;;) {
      const { rows } = await database.query<{ waiting: boolean }>({
        text: `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted) AS waiting`,
      });
      if (rows[0]?.waiting) return;
    }
  }

  test.each([
    { how: 'COMMIT' as const, reason: 'then it commits: its answer is given' },
    { how: 'ROLLBACK' as const, reason: 'then it does not: the write is made again' },
  ])('is waited for while the old backend lives; $reason', async ({ how }) => {
    const lossy = hanging();
    const answer = idempotent(lossy, request(), insert);
    await somebodyWaits();
    await lossy.end(how);
    expect(await answer).toMatchObject({ status: 201, replayed: false });
    expect(await things()).toBe(1);
    await lossy.close();
  });

  test('that is not known within the limit is said to be unknown', async () => {
    const lossy = hanging();
    expect(await codeOf(idempotent(lossy, request(), insert, 150))).toBe('outcome-unknown');
    await lossy.end('COMMIT');
    // The repeat that the answer asks for finds it.
    expect(await idempotent(database, request(), insert)).toMatchObject({ replayed: true });
    await lossy.close();
  });
});

describe('contention', () => {
  const deadlock = Object.assign(new Error('deadlock detected'), { code: '40P01' });

  test('is met by one more try', async () => {
    let tries = 0;
    const answer = await idempotent(database, request(), (tx) => {
      tries += 1;
      return tries === 1 ? Promise.reject(deadlock) : insert(tx);
    });
    expect([answer.status, tries, await things()]).toEqual([201, 2, 1]);
  });

  test('that stays is handed on after the second try', async () => {
    let tries = 0;
    const work = idempotent(database, request(), () => {
      tries += 1;
      return Promise.reject(deadlock);
    });
    expect([await codeOf(work), tries]).toEqual([deadlock, 2]);
  });
});

test('answers are forgotten after the retention, those of requests without a key after an hour', async () => {
  const { key: _, ...keyless } = request();
  await idempotent(database, request({ key: 'old' }), insert);
  await idempotent(database, keyless, insert);
  await database.query({ text: `UPDATE idempotency_keys SET created_at = now() - interval '2 hours'` });
  await idempotent(database, request({ key: 'new' }), insert);
  expect(await forgetOldAnswers(database, 7 * 86_400_000)).toBe(1);
  expect(await forgetOldAnswers(database, 3_600_000)).toBe(1);
  expect(await idempotent(database, request({ key: 'new' }), insert)).toMatchObject({ replayed: true });
});
