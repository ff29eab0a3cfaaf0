import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Api } from '../support/api.js';
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
  memory = await startMemoryApp();
  api = memory.api;
});
afterAll(() => memory.close());

const PORTABLE = `apiVersion: signalbox/v1
kind: Workflow
name: portable
title: A portable one
labels: { team: ml }
params:
  size: { type: integer, minimum: 1, default: 3 }
  mode: { type: string }
tasks:
  first: { command: [echo, one] }
  second: { needs: [first], command: [echo, two] }
`;

describe('creating a workflow', () => {
  test('stores it READY with its tasks when the engine describes it at once', async () => {
    const answer = await api.post('/workflows', {
      title: 'native one',
      workflow_engine: 'memory',
      definition_format: 'native',
      definition: 'load\nclean\n',
      labels: [
        { key: 'stage', value: 'test' },
        { key: 'stage', value: 'dev' },
      ],
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe('/v1/workflows/native%20one/1');
    expect(answer.body).toMatchObject({
      title: 'native one',
      version: 1,
      workflow_engine: 'memory',
      definition_format: 'native',
      definition: 'load\nclean\n',
      definition_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      workflow_parameters: [],
      labels: [
        { key: 'stage', value: 'dev' },
        { key: 'stage', value: 'test' },
      ],
      registration: { state: 'READY', diagnostics: [] },
    });
    expect((await api.get('/workflows/native%20one/1')).body).toEqual(answer.body);
    const tasks = (await api.get('/workflows/native%20one/1/tasks')).body.items;
    expect(tasks).toMatchObject([{ title: 'load' }, { title: 'clean' }]);
    expect(tasks[0]?.['downstream_task_ids']).toEqual([tasks[1]?.id]);
    expect(tasks[1]?.['upstream_task_ids']).toEqual([tasks[0]?.id]);
  });

  test('takes title, display name, labels and parameters from a portable definition', async () => {
    const body = { workflow_engine: 'memory', definition_format: 'signalbox/v1', definition: PORTABLE };
    const first = await api.post('/workflows', { ...body, labels: [{ key: 'stage', value: 'dev' }] });
    expect(first.body).toMatchObject({
      title: 'portable',
      display_name: 'A portable one',
      labels: [
        { key: 'stage', value: 'dev' },
        { key: 'team', value: 'ml' },
      ],
      workflow_parameters: [
        { env_variable_name: 'size', ui_form: { type: 'int', minimum: 1, required: false, default: 3 } },
        { env_variable_name: 'mode', ui_form: { type: 'str', required: true } },
      ],
    });
    const other = await api.post('/workflows', { ...body, title: 'other.name' });
    expect(other.body).toMatchObject({ title: 'other.name', version: 1 });
    const refused = await api.post('/workflows', { ...body, workflow_parameters: [] });
    expect(refused.status).toBe(422);
    expect(refused.body['errors']).toMatchObject([{ pointer: '/workflow_parameters' }]);
  });

  test('refuses a bad definition with every diagnostic and stores nothing', async () => {
    const answer = await api.post('/workflows', {
      workflow_engine: 'memory',
      definition_format: 'signalbox/v1',
      definition: PORTABLE.replace('needs: [first]', 'needs: [nobody]').replace('kind: Workflow', 'kind: Nothing'),
    });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'definition-invalid' });
    expect(answer.body['errors']?.length).toBeGreaterThan(1);
    for (const error of answer.body['errors'] ?? []) {
      expect(error).toEqual({
        pointer: expect.any(String),
        line: expect.any(Number),
        code: expect.any(String),
        message: expect.any(String),
      });
    }
    const native = { title: 'bad', workflow_engine: 'memory', definition_format: 'native', definition: '!oops No.\n' };
    expect((await api.post('/workflows', native)).body).toMatchObject({
      code: 'definition-invalid',
      errors: [{ line: 1, code: 'oops', message: 'No.' }],
    });
    expect((await api.get('/workflows/bad')).status).toBe(404);
  });

  test('what is only a warning is none of the errors', async () => {
    const definition = '{apiVersion: signalbox/v1, kind: Workflow, name: w, tasks: {a: {run: x, rn: y}, b: {run: x}}}';
    const body = { workflow_engine: 'memory', definition_format: 'signalbox/v1', definition };
    const checked = await api.post('/workflows/validate', body);
    expect(checked.body['diagnostics']).toContainEqual(expect.objectContaining({ severity: 'warning' }));
    expect((await api.post('/workflows', body)).body['errors']).toMatchObject([{ pointer: '/tasks/a/rn' }]);
  });

  test.each([
    { title: 'a/b', reason: 'a slash' },
    { title: '..', reason: 'the folder above' },
    { title: ' a', reason: 'a blank in front' },
    { title: 'a\nb', reason: 'a control character' },
    { title: '', reason: 'nothing' },
    { title: 'a'.repeat(129), reason: 'too long' },
  ])('refuses the title $title: $reason', async ({ title }) => {
    const body = { title, workflow_engine: 'memory', definition_format: 'native', definition: 'a' };
    const answer = await api.post('/workflows', body);
    expect(answer.status).toBe(422);
    expect(answer.body['errors']).toMatchObject([{ pointer: '/title' }]);
  });

  test('names what is wrong outside the definition', async () => {
    const good = { title: 'x', workflow_engine: 'memory', definition_format: 'native', definition: 'a' };
    const pointersOf = async (body: object): Promise<unknown[]> => {
      const answer = await api.post('/workflows', body);
      expect(answer.status).toBe(422);
      return [...(answer.body['errors'] ?? [])].map((error) => error['pointer']);
    };
    expect(await pointersOf({ ...good, workflow_engine: 'nobody' })).toEqual(['/workflow_engine']);
    expect(await pointersOf({ ...good, definition_format: 'other' })).toEqual(['/definition_format']);
    expect(await pointersOf({ ...good, title: undefined })).toEqual(['/title']);
    expect(await pointersOf({ ...good, colour: 'red' })).toEqual(['/colour']);
    expect(
      await pointersOf({
        ...good,
        labels: [
          { key: 'a', value: '1' },
          { key: 'a', value: '1' },
        ],
      }),
    ).toEqual(['/labels/1']);
    expect(await pointersOf({ ...good, labels: [{ key: 'a b', value: 'x\u0001' }] })).toEqual([
      '/labels/0/key',
      '/labels/0/value',
    ]);
    const form = { type: 'int', title: 't', description: 'd', required: true };
    expect(
      await pointersOf({
        ...good,
        workflow_parameters: [{ env_variable_name: 'A', ui_form: { ...form, true_label: 'x' } }],
      }),
    ).toEqual(['/workflow_parameters/0/ui_form/true_label']);
  });

  test('gives twenty at once the versions one to twenty', async () => {
    const versions = await Promise.all(Array.from({ length: 20 }, () => createWorkflow(api, 'crowded')));
    expect(versions.map((workflow) => Number(workflow['version'])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
  });

  test('says that the engine does not answer, and answers a repeat without it', async () => {
    const body = { title: 'kept', workflow_engine: 'memory', definition_format: 'native', definition: 'a' };
    const first = await api.post('/workflows', body, { key: 'kept-1' });
    memory.engine.broken = new EngineError('unavailable', 'nobody there');
    try {
      const refused = await api.post('/workflows', body, { key: 'kept-2' });
      expect(refused.status).toBe(503);
      expect(refused.body).toMatchObject({ code: 'engine-unavailable' });
      const replay = await api.post('/workflows', body, { key: 'kept-1' });
      expect(replay.headers.get('idempotency-replayed')).toBe('true');
      expect(replay.text).toBe(first.text);
    } finally {
      memory.engine.broken = undefined;
    }
    // The breaker lets the next call through after a while.
    await until(
      () => api.post('/workflows/validate', body),
      (answer) => answer.status === 200,
    );
  });

  test('checks without storing', async () => {
    const body = {
      workflow_engine: 'memory',
      definition_format: 'signalbox/v1',
      definition: PORTABLE,
      title: 'unseen',
    };
    const good = (await api.post('/workflows/validate', body)).body;
    expect([...(good['diagnostics'] ?? [])].map((diagnostic) => diagnostic['severity'])).toEqual([
      'warning',
      'warning',
    ]);
    expect(good).toMatchObject({
      valid: true,
      tasks: [
        { title: 'first', type: 'command', downstream: ['second'] },
        { title: 'second', type: 'command', downstream: [] },
      ],
    });
    const bad = await api.post('/workflows/validate', { ...body, definition: 'name: [' });
    expect(bad.status).toBe(200);
    expect(bad.body).toMatchObject({ valid: false, tasks: [] });
    expect((await api.get('/workflows/unseen')).status).toBe(404);
  });
});

describe('a field of another shape is named', () => {
  const native = { title: 'shapes', workflow_engine: 'memory', definition_format: 'native', definition: 'load\n' };
  const name = { env_variable_name: 'A' };
  test.each([
    { reason: 'no form', body: { workflow_parameters: [name] }, pointer: '/workflow_parameters/0/ui_form' },
    { reason: 'a list as parameter', body: { workflow_parameters: [[]] }, pointer: '/workflow_parameters/0' },
    {
      reason: 'a list as form',
      body: { workflow_parameters: [{ ...name, ui_form: [] }] },
      pointer: '/workflow_parameters/0/ui_form',
    },
    { reason: 'a list as label', body: { labels: [[]] }, pointer: '/labels/0' },
    { reason: 'a text as labels', body: { labels: 'x' }, pointer: '/labels' },
  ])('$reason', async ({ body, pointer }) => {
    const answer = await api.post('/workflows', { ...native, ...body });
    expect([answer.status, answer.body['errors']]).toEqual([422, [expect.objectContaining({ pointer })]]);
  });

  test('a list as the workflow of a run', async () => {
    const answer = await api.post('/workflow-runs', { workflow: [] });
    const error = { pointer: '/workflow', code: 'wrong-type', message: 'workflow must be an object.' };
    expect([answer.status, answer.body['errors']]).toEqual([422, [error]]);
  });
});

describe('versions of a title', () => {
  beforeAll(async () => {
    for (let n = 0; n < 3; n += 1) await createWorkflow(api, 'versions');
  });

  test('are listed newest first, in pages', async () => {
    const first = await api.get('/workflows/versions?limit=2');
    expect(first.body.items.map((item) => item['version'])).toEqual([3, 2]);
    expect(first.headers.get('link')).toContain('rel="next"');
    const second = await api.get(`/workflows/versions?limit=2&cursor=${first.body['next_cursor']}`);
    expect(second.body.items.map((item) => item['version'])).toEqual([1]);
    expect(second.headers.get('link')).toBeNull();
    const latest = await api.get('/workflows/versions?latest=true');
    expect(latest.body.items).toMatchObject([{ version: 3, definition: 'load\nclean\n' }]);
  });

  test('that do not exist are not found, whatever they are called', async () => {
    for (const path of [
      '/workflows/nobody',
      '/workflows/versions/9',
      '/workflows/versions/99999999999999',
      '/workflows/%2e%2e%2fx/1',
    ]) {
      const answer = await api.get(path);
      expect(answer.status).toBe(404);
      expect(answer.body).toMatchObject({ code: 'workflow-not-found' });
    }
    expect((await api.get('/workflows/versions/one')).status).toBe(422);
  });
});

describe('the task graph', () => {
  test('is shown as JSON, Mermaid and Graphviz text', async () => {
    await createWorkflow(api, 'drawn');
    const json = (await api.get('/workflows/drawn/1/graph')).body;
    expect(json['tasks']?.length).toBe(2);
    expect(json['edges']).toEqual([
      { upstream_task_id: json['tasks']?.[0]?.id, downstream_task_id: json['tasks']?.[1]?.id },
    ]);
    const mermaid = await api.get('/workflows/drawn/1/graph?format=mermaid');
    expect(mermaid.headers.get('content-type')).toMatch(/^text\/vnd\.mermaid/);
    expect(mermaid.text).toContain('flowchart');
    expect((await api.get('/workflows/drawn/1/graph?format=dot')).text).toContain('digraph');
    expect((await api.get('/workflows/drawn/1/graph?format=png')).status).toBe(422);
    expect((await api.get('/workflows/drawn/1/tasks/clean')).body).toMatchObject({ title: 'clean' });
    expect((await api.get('/workflows/drawn/1/tasks/nobody')).body).toMatchObject({ code: 'task-not-found' });
  });

  test('is whole or not there while the engine takes its time', async () => {
    memory.slow.registered = false;
    const workflow = await createWorkflow(api, 'later', { workflow_engine: 'slow' });
    expect(workflow['registration']).toMatchObject({ state: 'PENDING' });
    const early = await api.get('/workflows/later/1/tasks');
    expect(early.status).toBe(409);
    expect(early.body).toMatchObject({ code: 'registration-pending' });
    memory.slow.registered = true;
    await until(
      () => api.get('/workflows/later/1'),
      ({ body }) => body['registration']?.state === 'READY',
    );
    expect((await api.get('/workflows/later/1/tasks')).body.items.length).toBe(2);
  });
});

describe('archiving', () => {
  test('waits for active runs, or cancels them when forced; runs stay readable', async () => {
    await createWorkflow(api, 'old');
    const run = await createRun(api, 'old');
    await submitted(api, run.id);
    const refused = await api.delete('/workflows/old/1');
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: 'workflow-has-active-runs' });
    expect((await api.delete('/workflows/old/1?force=true')).status).toBe(204);
    expect((await api.delete('/workflows/old/1')).status).toBeLessThan(500);
    expect(await inState(api, run.id, 'CANCELLED')).toMatchObject({ workflow: { title: 'old' } });
    expect((await api.get('/workflows/old/1')).body['archived_at']).toEqual(expect.any(String));
    expect((await api.get('/workflows/old')).body.items).toEqual([]);
    expect((await api.get('/workflows/old?archived=true')).body.items.length).toBe(1);
    expect((await api.post('/workflow-runs', { workflow: { title: 'old' } })).status).toBe(404);
    expect((await api.post('/workflow-runs', { workflow: { title: 'old', version: 1 } })).status).toBe(404);
    expect((await createWorkflow(api, 'old'))['version']).toBe(2);
  });

  test('and creating runs at the same moment leave no active run behind', async () => {
    await createWorkflow(api, 'race');
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => api.post('/workflow-runs', { workflow: { title: 'race' } })),
      api.delete('/workflows/race/1?force=true'),
    ]);
    for (const answer of answers.slice(0, 10)) expect([201, 404]).toContain(answer.status);
    expect(answers[10]?.status).toBe(204);
    const runs = await api.get('/workflow-runs?workflow_title=race');
    for (const run of runs.body.items) await inState(api, run.id, 'CANCELLED');
  });
});
