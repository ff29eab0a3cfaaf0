/** Where the engine is shared with others, whose executions its list goes through and leaves out. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { EngineAdapter, ExecutionPage, ListRequest } from '../../adapters/spi/engine-adapter.js';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { MemoryEngine } from '../../test/support/memory-engine.js';
import { Engines } from '../engines/engines.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';
import { Log } from '../platform/log.js';
import { ROLES } from '../roles.js';
import { findOrphans } from './find-orphans.js';

const PAGE = 10;
const FIRST = Date.UTC(2026, 0, 1);

let app: TestApp;
const byMinute = (minute: number): Date => new Date(FIRST + minute * 60_000);
/** Keys, and when the one at this place was made. */
let made: string[] = [];
let createdAt = byMinute;

beforeAll(async () => {
  const kind = new MemoryEngine('memory').kind();
  const create: typeof kind.create = async (...given) => {
    const adapter = await kind.create(...given);
    const capabilities = { ...adapter.capabilities, verbs: { ...adapter.capabilities.verbs, list: 'native' as const } };
    return { ...adapter, capabilities, list } satisfies EngineAdapter;
  };
  const entries = [{ name: 'shared', kind: 'memory', options: {}, callsPerSecond: 1_000 }];
  app = await startTestApp({ roles: ROLES.api, engines: { kinds: [{ ...kind, create }], entries } });
});
afterAll(() => app.close());

beforeEach(async () => {
  made = [];
  createdAt = byMinute;
  await app.database.query({ text: 'UPDATE engines SET listed_at = NULL, listed_until = NULL' });
  await app.database.query({ text: 'DELETE FROM drift' });
});

async function list({ since, cursor }: ListRequest): Promise<ExecutionPage> {
  const { installationId } = engine();
  const all = made
    .map((key, minute) => ({ key, createdAt: createdAt(minute) }))
    .filter((one) => one.createdAt >= since);
  const from = Number(cursor ?? 0);
  const page = all.slice(from, from + PAGE);
  const last = page.at(-1);
  return {
    executions: page
      .filter(({ key }) => key.startsWith('sb-'))
      .map((one) => ({ ...one, externalId: one.key, installationId, engineState: 'success' })),
    ...(last ? { readUntil: last.createdAt } : {}),
    ...(from + PAGE < all.length ? { nextCursor: String(from + PAGE) } : {}),
  };
}

const engine = () => app.app.nest.get(Engines).require('shared');
const look = () => findOrphans(app.database, engine(), 0, app.app.nest.get(Log));
const others = (count: number) => Array.from({ length: count }, (_, index) => `scheduled-${index}`);

async function orphans(): Promise<string[]> {
  const { rows } = await app.database.query<{ key: string }>({
    text: 'SELECT external_id AS key FROM drift WHERE resolved_at IS NULL',
  });
  return rows.map(({ key }) => key);
}

test('an orphan behind more executions of others than one look reads is found by the next', async () => {
  const orphan = runKey(newRunToken(), 1);
  made = [...others(150), orphan];
  expect(await look()).toBe(true);
  expect(await orphans()).toEqual([]);
  expect(await look()).toBe(false);
  expect(await orphans()).toEqual([orphan]);
});

test('an orphan that is gone is one no longer, where a page of others has taken its place', async () => {
  made = [runKey(newRunToken(), 1), ...others(50)];
  await look();
  expect(await orphans()).toHaveLength(1);
  made[0] = 'scheduled-in-its-place';
  await look();
  expect(await orphans()).toEqual([]);
});

test('an orphan is found behind more executions of one moment than one look reads', async () => {
  const orphan = runKey(newRunToken(), 1);
  made = [...others(150), orphan];
  createdAt = (minute) => (minute < 150 ? new Date(FIRST) : byMinute(minute));
  await app.database.query({ text: 'UPDATE engines SET listed_until = $1', values: [new Date(FIRST)] });
  await look();
  expect(await orphans()).toEqual([orphan]);
});

test('what somebody dated to the time to come hides no orphan that is made until then', async () => {
  made = others(1);
  createdAt = () => new Date('2999-01-01');
  await look();
  const orphan = runKey(newRunToken(), 1);
  made = [orphan, ...others(1)];
  createdAt = (minute) => (minute === 0 ? new Date(Date.now() + 1_000) : new Date('2999-01-01'));
  await look();
  expect(await orphans()).toEqual([orphan]);
});
