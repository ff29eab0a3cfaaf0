/** A: more requests than can be answered. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBenchDatabase, type BenchDatabase } from '../bench/bench-database.js';
import { keepOffLoad } from '../bench/child-process.js';
import { Load } from '../bench/load.js';
import { POST_REQUEST } from '../bench/record-figures.js';
import { seedWorkflow } from '../bench/seed-runs.js';
import { startScriptedService, type ServiceProcess } from '../support/service-process.js';
import { form } from './form.js';

let own: BenchDatabase;
let api: ServiceProcess;
let load: Load;
/** What was begun, the last first. */
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  own = await startBenchDatabase();
  ends.unshift(() => own.stop());
  // Peak and overload on the same cores, whatever the load needs for three times as many requests.
  keepOffLoad(own.pid);
  const home = await mkdtemp(join(tmpdir(), 'signalbox-overload-'));
  ends.unshift(() => rm(home, { recursive: true, force: true }));
  await seedWorkflow(own.database);
  const env = { DATABASE_URL: own.url, DATA_DIR: home, PORT: '0', LOG_LEVEL: 'error' };
  api = await startScriptedService('api', env);
  ends.unshift(() => api.stop());
  load = Load.start();
  ends.unshift(() => load.stop());
  keepOffLoad(api.child.pid ?? 0);
});
afterAll(async () => {
  for (const end of ends) await end();
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
  // In the short form other tests run beside it.
  expect(goodPerSecond).toBeGreaterThan(form(0.3, 0.9) * Math.min(before, await peak()));
}, 120_000);

async function countRuns(): Promise<number> {
  const { rows } = await own.database.query<{ count: number }>({ text: 'SELECT count(*) FROM workflow_runs' });
  return rows[0]?.count ?? 0;
}
