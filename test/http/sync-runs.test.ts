import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { taskFacts } from '../support/memory-engine.js';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  // Nobody else looks at a run meanwhile: what a sync counts is its own.
  memory = await startMemoryApp({ RECONCILE_INTERVAL: '1h' });
  api = memory.api;
  await createWorkflow(api, 'plain');
});
afterAll(() => memory.close());

test('a sync brings the chosen runs up to date and lists what failed', async () => {
  const run = await createRun(api, 'plain', { labels: [{ key: 'sync', value: 'me' }] });
  await submitted(api, run.id);
  memory.engine.say(run.id, { phase: 'succeeded', taskRuns: [taskFacts('load'), taskFacts('clean')] });
  const body = { workflow_engine: 'memory', label_selector: 'sync=me' };
  const synced = await api.post('/workflow-runs/sync', body);
  expect(synced.status).toBe(200);
  expect(synced.body).toMatchObject({ checked: 1, failed: [] });
  expect((await api.get(`/workflow-runs/${run.id}?refresh=false`)).body).toMatchObject({ state: 'COMPLETED' });
  expect((await api.post('/workflow-runs/sync', body)).body).toEqual({ checked: 0, changed: 0, failed: [] });
  expect((await api.post('/workflow-runs/sync', { workflow_engine: 'nobody' })).status).toBe(422);
  expect((await api.post('/workflow-runs/sync', { label_selector: 'a=,,' })).body).toMatchObject({
    errors: [{ pointer: '/label_selector' }],
  });
});

test('a sync takes in all runs however large their parameters are', async () => {
  const labels = [{ key: 'sync', value: 'large' }];
  const made = await Promise.all(Array.from({ length: 25 }, () => createRun(api, 'plain', { labels })));
  const ids = made.map((run) => run.id).sort((a, b) => a - b);
  for (const id of ids) await submitted(api, id);
  await memory.app.database.query({
    text: `UPDATE workflow_runs SET parameters = jsonb_build_object('TEXT', repeat('x', 9 * 1024 * 1024)) WHERE id = ANY($1)`,
    values: [ids],
  });
  const synced = await api.post('/workflow-runs/sync', { label_selector: 'sync=large' });
  expect(synced.body).toMatchObject({ checked: 25, failed: [] });
});
