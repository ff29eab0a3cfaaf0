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
