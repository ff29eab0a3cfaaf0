/** A: more requests than can be answered. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Load } from '../bench/load.js';
import { POST_REQUEST } from '../bench/record-figures.js';
import { seedWorkflow } from '../bench/seed-runs.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startScriptedService, type ServiceProcess } from '../support/service-process.js';
import { form } from './form.js';

let db: TestDatabase;
let home: string;
let api: ServiceProcess;
let load: Load;

beforeAll(async () => {
  db = await createTestDatabase();
  home = await mkdtemp(join(tmpdir(), 'signalbox-overload-'));
  await seedWorkflow(db.database);
  const env = { DATABASE_URL: db.url, DATA_DIR: home, PORT: '0', LOG_LEVEL: 'error' };
  api = await startScriptedService('api', env);
  load = Load.start();
});
afterAll(async () => {
  await load.stop();
  await api.stop();
  await db.drop();
  await rm(home, { recursive: true, force: true });
});

test('F9: at three times its peak the API goes on at its peak, and tells the others at once when to repeat', async () => {
  const peak = async (): Promise<number> => {
    const job = { url: api.url, requests: [POST_REQUEST], status: 201, connections: 16 };
    return (await load.run({ ...job, durationMs: form(1_000, 10_000) })).perSecond;
  };
  await peak();
  const before = await peak();
  const stored = await countRuns();
  const overload = await load.runOpen({
    url: api.url,
    requests: [POST_REQUEST],
    perSecond: 3 * before,
    connections: 2_000,
    durationMs: form(4_000, 60_000),
  });
  const { statuses, goodPerSecond, withoutRetryAfter, unanswered } = overload;
  expect(statuses['503']).toBeGreaterThan(0);
  expect(Object.keys(statuses).filter((status) => !['201', '429', '503'].includes(status))).toEqual([]);
  expect({ withoutRetryAfter, unanswered }).toEqual({ withoutRetryAfter: 0, unanswered: 0 });
  // What was refused left nothing, and what was done was told.
  expect(await countRuns()).toBe(stored + (statuses['201'] ?? 0));
  // The load has no core of its own among other tests.
  expect(goodPerSecond).toBeGreaterThan(form(0.3, 0.9) * Math.min(before, await peak()));
}, 120_000);

async function countRuns(): Promise<number> {
  const { rows } = await db.database.query<{ count: number }>({ text: 'SELECT count(*) FROM workflow_runs' });
  return rows[0]?.count ?? 0;
}
