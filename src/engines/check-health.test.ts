import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { checkHealth } from './check-health.js';
import type { Engine } from './engines.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.database.query({ text: 'DELETE FROM engines' });
  await db.database.query({ text: `INSERT INTO engines (name, kind) VALUES ('e', 'e')` });
});

interface Said {
  version: string;
  epoch?: string;
  fails?: EngineError;
}

/** An engine that answers as it is told to. */
function saying({ version, epoch, fails }: Said): Engine {
  const sentinel = epoch === undefined ? { state: 'missing' } : { state: 'present', epoch };
  const call = (verb: 'ping' | 'sentinel'): Promise<unknown> =>
    fails ? Promise.reject(fails) : Promise.resolve(verb === 'ping' ? { version } : sentinel);
  return { name: 'e', gateway: { call } } as unknown as Engine;
}

/** Another one after each write of the row. */
async function writtenBy(): Promise<string> {
  const { rows } = await db.database.query<{ xmin: string }>({ text: 'SELECT xmin::text FROM engines' });
  return rows[0]?.xmin ?? '';
}

const KNOWN: Said = { version: '1.0', epoch: 'first' };

test('a check that sees what is recorded writes nothing when its caller does', async () => {
  await checkHealth(db.database, saying(KNOWN), { recordedLater: true });
  const before = await writtenBy();
  expect(await checkHealth(db.database, saying(KNOWN), { recordedLater: true })).toMatchObject({ state: 'UP' });
  expect(await writtenBy()).toBe(before);
});

test('a check that nobody records writes its time', async () => {
  await checkHealth(db.database, saying(KNOWN));
  const before = await writtenBy();
  await checkHealth(db.database, saying(KNOWN));
  expect(await writtenBy()).not.toBe(before);
});

test.each<{ reason: string; said: Said; state: string }>([
  { reason: 'another version', said: { version: '1.1', epoch: 'first' }, state: 'UP' },
  { reason: 'another memory', said: { version: '1.0', epoch: 'second' }, state: 'UP' },
  { reason: 'no memory', said: { version: '1.0' }, state: 'SUSPECT' },
  { reason: 'no answer', said: { ...KNOWN, fails: new EngineError('unavailable', 'it is gone') }, state: 'DOWN' },
  { reason: 'a refusal', said: { ...KNOWN, fails: new EngineError('unauthorized', 'who?') }, state: 'UNAUTHORIZED' },
])('a check that sees $reason writes it at once', async ({ said, state }) => {
  await checkHealth(db.database, saying(KNOWN), { recordedLater: true });
  const before = await writtenBy();
  await checkHealth(db.database, saying(said), { recordedLater: true });
  expect(await writtenBy()).not.toBe(before);
  const { rows } = await db.database.query<{ state: string }>({ text: 'SELECT health_state AS state FROM engines' });
  expect(rows[0]?.state).toBe(state);
});
