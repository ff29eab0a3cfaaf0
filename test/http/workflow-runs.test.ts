import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Api } from '../support/api.js';
import { taskFacts } from '../support/memory-engine.js';
import {
  createRun,
  createWorkflow,
  inState,
  startMemoryApp,
  submitted,
  type MemoryApp,
} from '../support/memory-app.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp({ REFRESH_MAX_AGE: '100ms' });
  api = memory.api;
  await createWorkflow(api, 'plain');
});
afterAll(() => memory.close());

const form = (type: string, more: object = {}): object => ({
  type,
  title: 't',
  description: '',
  required: true,
  ...more,
});

describe('starting a run', () => {
  test('answers 201 with the run, PENDING, and its place', async () => {
    const answer = await api.post('/workflow-runs', {
      workflow: { title: 'plain' },
      labels: [{ key: 'team', value: 'ml' }],
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/workflow-runs/${answer.body.id}`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(answer.body).toMatchObject({
      workflow: { title: 'plain', version: 1 },
      workflow_engine: 'memory',
      state: 'PENDING',
      labels: [{ key: 'team', value: 'ml' }],
      parameters: {},
      origin: 'api',
      generation: 1,
      stale: false,
      allowed_actions: [
        { action: 'CANCEL', available: true },
        { action: 'RETRY', available: false, reason: expect.any(String) },
        { action: 'PAUSE', available: true },
        { action: 'RESUME', available: false, reason: expect.any(String) },
      ],
    });
    expect(answer.body['external_id']).toBeUndefined();
    expect(await submitted(api, answer.body.id)).toMatchObject({ state: 'SCHEDULED' });
  });

  test('fills in defaults and refuses values by name, from forms', async () => {
    await createWorkflow(api, 'asked', {
      workflow_parameters: [
        { env_variable_name: 'COUNT', ui_form: form('int', { minimum: 1, maximum: 9, default: 3 }) },
        { env_variable_name: 'MODE', ui_form: form('list', { options: ['fast', 'slow'] }) },
        { env_variable_name: 'NOTE', ui_form: form('str', { required: false, regex_pattern: '^[a-z]*$' }) },
        { task_title: 'load', env_variable_name: 'SIZE', ui_form: form('int') },
        { task_title: 'clean', env_variable_name: 'SIZE', ui_form: form('int') },
      ],
    });
    const good = { MODE: 'fast', 'load.SIZE': 1, 'clean.SIZE': 2 };
    expect(await createRun(api, 'asked', { parameters: good })).toMatchObject({ parameters: { ...good, COUNT: 3 } });
    const bad = await api.post('/workflow-runs', {
      workflow: { title: 'asked' },
      parameters: { COUNT: 10, MODE: 'other', NOTE: 'A', SIZE: 1, 'load.SIZE': 1 },
    });
    expect(bad.status).toBe(422);
    expect(bad.body).toMatchObject({ code: 'parameters-invalid' });
    expect([...(bad.body['errors'] ?? [])].map((error) => error['pointer']).sort()).toEqual([
      '/parameters/COUNT',
      '/parameters/MODE',
      '/parameters/NOTE',
      '/parameters/SIZE',
      '/parameters/clean.SIZE',
    ]);
  });

  test('takes the latest READY version, else the latest PENDING one', async () => {
    memory.slow.registered = false;
    try {
      await createWorkflow(api, 'mixed');
      await createWorkflow(api, 'mixed', { workflow_engine: 'slow' });
      expect(await createRun(api, 'mixed')).toMatchObject({ workflow: { version: 1 } });
      const waiting = await api.post('/workflow-runs', { workflow: { title: 'mixed', version: 2 } });
      expect(waiting.body).toMatchObject({ state: 'PENDING', state_reason: 'registration-pending', stale: false });
      memory.slow.registered = true;
      expect(await submitted(api, waiting.body.id)).toMatchObject({ state: 'SCHEDULED' });
    } finally {
      memory.slow.registered = true;
    }
  });

  test('on what is not there is 404, on what failed to register 409', async () => {
    expect((await api.post('/workflow-runs', { workflow: { title: 'nobody' } })).body).toMatchObject({
      status: 404,
      code: 'workflow-not-found',
    });
    await createWorkflow(api, 'failed');
    await memory.app.database.query({
      text: `UPDATE workflows SET registration_state = 'FAILED' WHERE title = 'failed'`,
    });
    expect((await api.post('/workflow-runs', { workflow: { title: 'failed' } })).body).toMatchObject({
      status: 409,
      code: 'workflow-not-ready',
    });
  });
});

describe('reading an active run', () => {
  test('looks at the engine first, and says what it saw', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    memory.engine.say(run.id, { phase: 'running', startedAt: new Date('2026-01-01T00:00:00.5Z') });
    expect(await inState(api, run.id, 'RUNNING')).toMatchObject({
      started_at: '2026-01-01T00:00:00.500Z',
      observed_at: expect.any(String),
      stale: false,
    });
  });

  test('is never older than asked, and asks the engine no more often than that', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    memory.engine.calls = [];
    await Promise.all(Array.from({ length: 50 }, () => api.get(`/workflow-runs/${run.id}`)));
    const asked = memory.engine.calls.filter((verb) => verb === 'observeMany' || verb === 'observe');
    expect(asked.length).toBeLessThanOrEqual(20);
    memory.engine.calls = [];
    for (let n = 0; n < 5; n += 1) await api.get(`/workflow-runs/${run.id}?refresh=false`);
    await api.get('/workflow-runs');
    expect(memory.engine.calls.filter((verb) => verb === 'observeMany').length).toBeLessThanOrEqual(1);
  });

  test('answers the stored row with the cause when the engine does not answer', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    memory.engine.broken = new EngineError('unavailable', 'nobody there');
    try {
      const stale = await until(
        () => api.get(`/workflow-runs/${run.id}`),
        ({ body }) => body['stale'] as unknown as boolean,
      );
      expect(stale.status).toBe(200);
      expect(stale.body).toMatchObject({ state: 'SCHEDULED', stale: true, stale_cause: expect.any(String) });
    } finally {
      memory.engine.broken = undefined;
    }
    await until(
      () => api.get(`/workflow-runs/${run.id}`),
      ({ body }) => (body['stale'] as unknown) === false,
    );
  });
});

describe('task runs', () => {
  test('are listed with their attempts, filtered, and read by either path', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    expect((await api.get(`/workflow-runs/${run.id}/task-runs`)).body).toEqual({ items: [] });
    memory.engine.say(run.id, {
      phase: 'failed',
      failure: { class: 'user', code: 'exit-code', message: 'exit 1', task_title: 'clean' },
      taskRuns: [
        taskFacts('load', { outputs: { rows: null, n: 2 } }),
        taskFacts('clean', { state: 'FAILED', failure: { class: 'user', code: 'exit-code', message: 'exit 1' } }),
      ],
    });
    expect(await inState(api, run.id, 'FAILED')).toMatchObject({
      failure: { class: 'user', code: 'exit-code', task_title: 'clean' },
      finished_at: expect.any(String),
    });
    const { items } = (await api.get(`/workflow-runs/${run.id}/task-runs`)).body;
    expect(items).toMatchObject([
      {
        task_title: 'load',
        state: 'COMPLETED',
        attempt: 1,
        outputs: { rows: null, n: 2 },
        inferred: false,
        attempts: [{ attempt: 1, state: 'COMPLETED', exit_code: 0, started_at: '2026-01-01T00:00:00.000Z' }],
      },
      { task_title: 'clean', state: 'FAILED', failure: { code: 'exit-code' } },
    ]);
    const failed = await api.get(`/workflow-runs/${run.id}/task-runs?state=FAILED&state=CANCELLED`);
    expect(failed.body.items.map((item) => item['task_title'])).toEqual(['clean']);
    expect((await api.get(`/workflow-runs/${run.id}/task-runs?task_title=load`)).body.items.length).toBe(1);
    const page = await api.get(`/workflow-runs/${run.id}/task-runs?limit=1`);
    const next = await api.get(`/workflow-runs/${run.id}/task-runs?limit=1&cursor=${page.body['next_cursor']}`);
    expect(next.body.items).toMatchObject([{ task_title: 'clean' }]);
    const one = await api.get(`/task-runs/${items[0]?.id}`);
    expect(one.body).toEqual(items[0]);
    expect((await api.get(`/workflow-runs/${run.id}/task-runs/${items[0]?.id}`)).body).toEqual(items[0]);
    expect((await api.get(`/workflow-runs/${run.id + 1000}/task-runs/${items[0]?.id}`)).status).toBe(404);
    const included = await api.get(`/workflow-runs/${run.id}?include=task_runs`);
    expect(included.body['task_runs']).toEqual(items);
  });
});

describe('lifecycle requests', () => {
  test('answer 202 when accepted and 200 when nothing changes, with the run', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    const accepted = await api.put(`/workflow-runs/${run.id}/cancel`, { reason: 'enough' });
    expect(accepted.status).toBe(202);
    expect(accepted.body).toMatchObject({ id: run.id, state: 'CANCELLING' });
    expect((await api.put(`/workflow-runs/${run.id}/cancel`)).status).toBe(200);
    await inState(api, run.id, 'CANCELLED');
    expect((await api.put(`/workflow-runs/${run.id}/cancel`)).status).toBe(200);
    const history = (await api.get(`/workflow-runs/${run.id}/lifecycle-events`)).body.items;
    expect(history.map((event) => event['seq'])).toEqual(history.map((_, index) => index + 1));
    expect(history).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ seq: 1, type: 'CREATED', to: 'PENDING', source: 'client' }),
        expect.objectContaining({ type: 'CANCEL', to: 'CANCELLING', reason: 'enough' }),
      ]),
    );
    const paged = await api.get(`/workflow-runs/${run.id}/lifecycle-events?limit=2`);
    expect(paged.headers.get('link')).toContain('rel="next"');
  });

  test('that cannot be are 409 with what could be', async () => {
    const run = await createRun(api, 'plain');
    const refused = await api.put(`/workflow-runs/${run.id}/retry`);
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'lifecycle-conflict',
      allowed_actions: expect.arrayContaining([{ action: 'CANCEL', available: true }]),
    });
  });

  test('with dry_run only say what would be, and change and remember nothing', async () => {
    const run = await createRun(api, 'plain');
    const path = `/workflow-runs/${run.id}/lifecycle-events`;
    const would = await api.post(path, { type: 'CANCEL', dry_run: true }, { key: `dry-${run.id}` });
    expect(would.status).toBe(200);
    expect(would.body).toEqual({ action: 'CANCEL', available: true });
    expect((await api.post(path, { type: 'RETRY', dry_run: true })).body).toMatchObject({ available: false });
    const done = await api.post(path, { type: 'CANCEL' }, { key: `dry-${run.id}` });
    expect([200, 202]).toContain(done.status);
    expect(done.headers.get('idempotency-replayed')).toBeNull();
  });

  test('that name an older generation change nothing', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    memory.engine.say(run.id, { phase: 'failed', taskRuns: [taskFacts('load', { state: 'FAILED' })] });
    await inState(api, run.id, 'FAILED');
    const retried = await api.post(`/workflow-runs/${run.id}/lifecycle-events`, { type: 'RETRY', generation: 1 });
    expect(retried.status).toBe(202);
    expect(retried.body).toMatchObject({ generation: 2, state: 'RETRYING' });
    const late = await api.post(`/workflow-runs/${run.id}/lifecycle-events`, { type: 'CANCEL', generation: 1 });
    expect(late.status).toBe(200);
    await inState(api, run.id, 'RUNNING');
  });

  test('about a task run retry from it, and say when the engine cannot', async () => {
    const run = await createRun(api, 'plain');
    await submitted(api, run.id);
    memory.engine.say(run.id, {
      phase: 'failed',
      taskRuns: [taskFacts('load'), taskFacts('clean', { state: 'FAILED' })],
    });
    await inState(api, run.id, 'FAILED');
    const { items } = (await api.get(`/workflow-runs/${run.id}/task-runs?task_title=clean`)).body;
    const path = `/task-runs/${items[0]?.id}/lifecycle-events`;
    expect((await api.post(path, { type: 'CANCEL', dry_run: true })).body).toMatchObject({ available: false });
    expect((await api.post(path, { type: 'CANCEL' })).body).toMatchObject({ status: 422, code: 'engine-cannot' });
    expect((await api.post(path, { type: 'PAUSE' })).status).toBe(422);
    expect((await api.post(path, { type: 'RETRY', dry_run: true })).body).toEqual({ action: 'RETRY', available: true });
    const retried = await api.post(`/workflow-runs/${run.id}${path}`, { type: 'RETRY' });
    expect(retried.status).toBe(202);
    expect(retried.body).toMatchObject({ id: run.id, generation: 2 });
  });
});

test('engines are shown with health, guarantee and capabilities', async () => {
  const engines = await until(
    () => api.get('/engines'),
    ({ body }) => body.items.every((engine) => engine['health']?.state === 'UP'),
  );
  expect(engines.body.items).toMatchObject([
    {
      name: 'memory',
      kind: 'memory',
      health: { state: 'UP', version: '1', checked_at: expect.any(String), latency_ms: expect.any(Number) },
      submit_guarantee: 'exactly_once',
      capabilities: { retry: 'native', cancelTask: 'none' },
    },
    { name: 'slow' },
  ]);
  expect((await api.get('/engines/memory')).body).toEqual(engines.body.items[0]);
  expect((await api.get('/engines/nobody')).body).toMatchObject({ status: 404, code: 'engine-not-found' });
});
