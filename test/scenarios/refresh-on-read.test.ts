/** What reads cost the engine: gathered, at most once per run and REFRESH_MAX_AGE, and never more than their share. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';

const RUNS = 50;
const REFRESH_MAX_AGE_MS = 300;

let engine: ScriptedEngine;
let app: TestApp;
let api: Api;
let ids: number[];

beforeAll(async () => {
  engine = await startScriptedEngine();
  app = await startTestApp({
    env: { RECONCILE_INTERVAL: '1h', REFRESH_MAX_AGE: `${REFRESH_MAX_AGE_MS}ms`, REFRESH_TIMEOUT: '500ms' },
    engines: {
      kinds: [scriptedEngineKind],
      entries: [{ name: 'se', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 1_000 }],
    },
  });
  api = new Api(app.url);
  const runs = new CoreRuns(app, 'se');
  const workflow = await runs.storeReady('held', JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] }));
  ids = await Promise.all(Array.from({ length: RUNS }, () => runs.startVersion(workflow)));
  for (const id of ids) await runs.reaches(id, 'RUNNING');
});
beforeEach(() => {
  engine.controls.removeRules();
});
afterAll(async () => {
  await app.close();
  await engine.close();
});

const lists = (): number => engine.controls.calls().list ?? 0;
/** Older than REFRESH_MAX_AGE: the next read asks the engine. */
const age = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 350));

test('many reads of one run are at most one call of the engine', async () => {
  await age();
  const before = lists();
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, () => api.get(`/workflow-runs/${ids[0]}`)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  // One, and one more each time REFRESH_MAX_AGE has passed before the last of them was answered.
  const ages = (performance.now() - began) / REFRESH_MAX_AGE_MS;
  expect(lists() - before).toBeLessThanOrEqual(1 + Math.ceil(ages));
});

test('reads of many runs are gathered into batch calls', async () => {
  await age();
  const before = lists();
  const answers = await Promise.all(ids.map((id) => api.get(`/workflow-runs/${id}`)));
  expect(answers.every(({ body }) => (body['stale'] as unknown) === false)).toBe(true);
  expect(lists() - before).toBeLessThanOrEqual(5);
});

test('a slow engine costs a read REFRESH_TIMEOUT at the most, and the answer says that it is stale', async () => {
  await age();
  engine.controls.addRule({ effect: { do: 'hold' } });
  const began = performance.now();
  const { status, body } = await api.get(`/workflow-runs/${ids[0]}`);
  expect(status).toBe(200);
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(body).toMatchObject({ state: 'RUNNING', stale: true, stale_cause: expect.any(String) });
});

test('refresh=false and lists never call an engine', async () => {
  await age();
  const before = lists();
  await api.get(`/workflow-runs/${ids[0]}?refresh=false`);
  await api.get('/workflow-runs');
  expect(lists()).toBe(before);
});
