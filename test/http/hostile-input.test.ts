import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { createRun, createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';
import { rawRequest } from '../support/probe-app.js';
import { processorMs } from '../support/processor-time.js';

let memory: MemoryApp;
let api: Api;
let runId: number;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api;
  await createWorkflow(api, 'target', {
    workflow_parameters: [
      { env_variable_name: 'TEXT', ui_form: { type: 'str', title: 't', description: '', required: false } },
      { env_variable_name: 'TREE', ui_form: { type: 'object', title: 't', description: '', required: false } },
    ],
  });
  await createWorkflow(api, 'versions');
  await createWorkflow(api, 'versions', { definition: 'load\n' });
  await createRun(api, 'target');
  runId = (await createRun(api, 'target')).id;
});
afterAll(() => memory.close());

/** Of the processor: for a body as large as it may be, made and sent and read by this process, too, and for any other. */
const LARGE_BODY_MS = 500;
const SOON_MS = 100;

/** What a client must never be shown. */
const INSIDES = /select |insert |pg_|postgres|\/src\/|node_modules|at .*\.(js|ts):\d+|stack/i;

describe('a hostile identifier', () => {
  test.each([
    { path: '/workflow-runs/0', reason: 'zero' },
    { path: '/workflow-runs/9007199254740993', reason: 'beyond exact integers' },
    { path: '/workflow-runs/99999999999999999999999999', reason: 'beyond the column' },
    { path: '/workflow-runs/-1', reason: 'negative' },
    { path: '/workflow-runs/1e3', reason: 'another notation' },
    { path: "/workflow-runs/1'%20OR%20'1'='1", reason: 'SQL' },
    { path: '/task-runs/1;DROP%20TABLE%20labels', reason: 'more SQL' },
    { path: '/workflows/..%2f..%2fetc%2fpasswd/1', reason: 'a path' },
    { path: '/workflows/target/99999999999', reason: 'a version beyond the column' },
    { path: '/workflows/%00/1', reason: 'NUL' },
    { path: '/workflows/%ff/1', reason: 'bytes that are not UTF-8' },
    { path: `/workflows/${'a'.repeat(390)}/1`, reason: 'a long one' },
    { path: '/engines/__proto__', reason: 'a member of every object' },
    { path: '/workflows/constructor/1', reason: 'another one' },
  ])('$path is 4xx and shows no insides: $reason', async ({ path }) => {
    const answer = await api.get(path);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.text).not.toMatch(INSIDES);
  });

  test.each(['GET', 'DELETE'])('%s of a version beyond the column finds nothing', async (method) => {
    const answer = await api.send(method, '/workflows/target/99999999999', undefined);
    expect([answer.status, answer.body]).toEqual([404, expect.objectContaining({ code: 'workflow-not-found' })]);
  });

  test.each([
    { list: '/workflow-runs?order_by=created_at', position: ['x', 1], reason: 'no time' },
    { list: '/workflows?order_by=created_at', position: ['2026-02-30T00:00:00Z', 1], reason: 'no day' },
    { list: '/workflows/versions?', position: [99_999_999_999], reason: 'a version beyond the column' },
    { list: '/workflow-runs/RUN/lifecycle-events?', position: [99_999_999_999], reason: 'a number beyond the column' },
  ])('a cursor of $list whose position somebody changed is refused: $reason', async ({ list, position }) => {
    const path = `${list.replace('RUN', String(runId))}&limit=1`;
    const { headers } = await api.get(path);
    const cursor = /[?&]cursor=([\w-]+)/.exec(headers.get('link') ?? '')?.[1] ?? '';
    const [form, digest] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[];
    const changed = Buffer.from(JSON.stringify([form, digest, ...position])).toString('base64url');
    const answer = await api.get(`${path}&cursor=${changed}`);
    expect([answer.status, answer.body]).toEqual([
      422,
      expect.objectContaining({ errors: [expect.objectContaining({ parameter: 'cursor', code: 'bad-cursor' })] }),
    ]);
  });
});

describe('a hostile body', () => {
  const start = { workflow: { title: 'target' } };
  test.each<{ body: unknown; reason: string }>([
    { body: { ...start, admin: true }, reason: 'a field that is not known' },
    { body: { workflow: { title: 'target', id: 1 } }, reason: 'one deeper down' },
    { body: { workflow: 'target' }, reason: 'text for an object' },
    { body: { workflow: { title: ['target'] } }, reason: 'a list for text' },
    { body: { workflow: { title: 'target', version: '1' } }, reason: 'text for a number' },
    { body: { workflow: { title: 'target', version: 1.5 } }, reason: 'a fraction' },
    { body: { workflow: { title: 'target', version: 1e12 } }, reason: 'beyond the column' },
    { body: { ...start, parameters: [] }, reason: 'a list for parameters' },
    { body: { ...start, parameters: { constructor: 1 } }, reason: 'a parameter named as a member of every object' },
    { body: { ...start, parameters: { TEXT: 'a\u0000b' } }, reason: 'NUL in a value' },
    { body: { ...start, parameters: { TEXT: '\ud800' } }, reason: 'half a character' },
    { body: { ...start, labels: { key: 'a', value: 'b' } }, reason: 'one label for a list' },
    { body: { ...start, labels: [null] }, reason: 'nothing for a label' },
    { body: { ...start, labels: [{ key: 'a', value: 1 }] }, reason: 'a number for a value' },
    { body: { ...start, labels: [{ key: 'a', value: 'x'.repeat(256) }] }, reason: 'a value too long' },
    { body: { ...start, constructor: { prototype: { polluted: true } } }, reason: 'a prototype to change' },
    {
      body: {
        ...start,
        id: 7,
        state: 'COMPLETED',
        created_at: '2020-01-01T00:00:00Z',
        generation: 9,
        external_id: 'x',
      },
      reason: 'fields that are the service to set',
    },
    { body: { ...start, parameters: { TEXT: 'x', constructor: { prototype: {} } } }, reason: 'the same as a value' },
    { body: null, reason: 'null' },
    { body: [], reason: 'a list' },
    { body: {}, reason: 'nothing' },
  ])('starts no run and is a 422: $reason', async ({ body }) => {
    const before = await count();
    const answer = await api.post('/workflow-runs', body);
    expect(answer.status).toBe(422);
    expect(answer.body['errors']?.length).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(INSIDES);
    expect(await count()).toBe(before);
  });

  test('with "__proto__" changes nobody else', async () => {
    const text = '{"workflow":{"title":"target"},"parameters":{"TREE":{"__proto__":{"polluted":true}}}}';
    const url = `${api.url}/v1/workflow-runs`;
    const answer = await rawRequest(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    expect(answer.status).toBe(422);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('that is no request about a run is refused on every verb', async () => {
    for (const verb of ['cancel', 'retry', 'pause', 'resume']) {
      expect((await api.put(`/workflow-runs/${runId}/${verb}`, { force: true })).status).toBe(422);
      expect((await api.put(`/workflow-runs/${runId}/${verb}`, { generation: 0 })).status).toBe(422);
    }
    expect((await api.post(`/workflow-runs/${runId}/lifecycle-events`, { type: 'STATE' })).status).toBe(422);
    expect((await api.post(`/workflow-runs/${runId}/lifecycle-events`, { type: 'cancel' })).status).toBe(422);
    expect((await api.get(`/workflow-runs/${runId}`)).body).toMatchObject({ generation: 1 });
  });
});

describe('a body made of faults', () => {
  const many = (count: number, one: (index: number) => string): string =>
    Array.from({ length: count }, (_, n) => one(n)).join(',');
  const workflow = '"workflow":{"title":"target"}';
  const native = '"title":"t","workflow_engine":"memory","definition_format":"native","definition":"load"';
  test.each([
    {
      reason: 'fields nobody knows',
      path: '/workflow-runs',
      body: `{${many(90_000, (n) => `"f${n}":1`)}}`,
      code: 'unknown-field',
    },
    {
      reason: 'the same deeper down',
      path: '/workflow-runs',
      body: `{"workflow":{${many(90_000, (n) => `"f${n}":1`)}}}`,
      code: 'too-many',
    },
    {
      reason: 'labels without key and value',
      path: '/workflow-runs',
      body: `{${workflow},"labels":[${many(300_000, () => '{}')}]}`,
      code: 'too-many',
    },
    {
      reason: 'labels that are numbers',
      path: '/workflow-runs',
      body: `{${workflow},"labels":[${many(500_000, () => '1')}]}`,
      code: 'too-many',
    },
    {
      reason: 'labels that are right',
      path: '/workflow-runs',
      body: `{${workflow},"labels":[${many(25_000, (n) => `{"key":"k${n}","value":"v"}`)}]}`,
      code: 'too-many',
    },
    {
      reason: 'labels nobody knows',
      path: '/workflow-runs',
      body: `{${workflow},"labels":[${many(900, (n) => `{"f${n}":1}`)}]}`,
      code: 'unknown-field',
    },
    {
      reason: 'values of parameters nobody knows',
      path: '/workflow-runs',
      body: `{${workflow},"parameters":{${many(70_000, (n) => `"f${n}":1`)}}}`,
      code: 'unknown-parameter',
    },
    {
      reason: 'parameters without anything',
      path: '/workflows',
      body: `{${native},"workflow_parameters":[${many(300_000, () => '{}')}]}`,
      code: 'too-many',
    },
    {
      reason: 'a form of fields nobody knows',
      path: '/workflows',
      body: `{${native},"workflow_parameters":[{"env_variable_name":"A","ui_form":{${many(9_000, (n) => `"f${n}":1`)}}}]}`,
      code: 'unknown-field',
    },
  ])('is refused soon, in few words, and starts nothing: $reason', async ({ path, body, code }) => {
    const before = await count();
    const took = await processorMs(LARGE_BODY_MS, async () => {
      const answer = await rawRequest(`${api.url}/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(answer.status).toBe(422);
      expect(answer.text.length).toBeLessThan(100_000);
      expect((JSON.parse(answer.text) as { errors: { code: string }[] }).errors.map((error) => error.code)).toContain(
        code,
      );
    });
    // Unbounded, each of these took seconds and was answered with up to a hundred times its bytes.
    expect(took).toBeLessThan(LARGE_BODY_MS);
    expect(await count()).toBe(before);
  });
});

test.each([
  {
    reason: 'an optional field',
    path: '/workflow-runs',
    body: { workflow: { title: 'target' }, labels: null },
    pointer: '/labels',
  },
  {
    reason: 'one deeper down',
    path: '/workflow-runs',
    body: { workflow: { title: 'target', version: null } },
    pointer: '/workflow/version',
  },
  { reason: 'a short form', path: '/workflow-runs/1/cancel', body: { reason: null }, pointer: '/reason' },
])('null is no value, as the description says: $reason', async ({ path, body, pointer }) => {
  const answer = path.endsWith('cancel') ? await api.put(path, body) : await api.post(path, body);
  expect(answer.status).toBe(422);
  expect(answer.body['errors']).toMatchObject([{ pointer, code: 'wrong-type' }]);
});

test.each([
  { pattern: '^(a+)+$', code: 'bad-format' },
  { pattern: '^(a|aa)+$', code: 'bad-format' },
  { pattern: '^(([a-z])+.)+[A-Z]([a-z])+$', code: 'bad-format' },
  { pattern: '^(.*a){25}b$', code: 'bad-format' },
  { pattern: '(?:a?){900}[cd]', code: 'bad-length' },
  { pattern: `${'.*'.repeat(400)}b`, code: 'bad-length' },
])('a pattern cannot be made to hold the service up: $pattern', async ({ pattern, code }) => {
  const form = { type: 'str', title: 't', description: '', required: true, regex_pattern: pattern };
  await createWorkflow(api, 'slow-pattern', { workflow_parameters: [{ env_variable_name: 'TEXT', ui_form: form }] });
  const parameters = { TEXT: `${'a'.repeat(30_000)}!` };
  const took = await processorMs(SOON_MS, async () => {
    const answer = await api.post('/workflow-runs', { workflow: { title: 'slow-pattern' }, parameters });
    expect(answer.body).toMatchObject({ status: 422, errors: [{ pointer: '/parameters/TEXT', code }] });
  });
  expect(took).toBeLessThan(SOON_MS);
});

test('a pattern has nothing that takes more than linear time', async () => {
  for (const pattern of ['(a)\\1', '(?=a)b', '(?<!a)b', 'a{1001}', '((a{0,100}){0,100}){0,100}', '[']) {
    const form = { type: 'str', title: 't', description: '', required: true, regex_pattern: pattern };
    const answer = await api.post('/workflows', {
      title: 'never',
      workflow_engine: 'memory',
      definition_format: 'native',
      definition: 'load',
      workflow_parameters: [{ env_variable_name: 'TEXT', ui_form: form }],
    });
    expect([pattern, answer.status]).toEqual([pattern, 422]);
  }
  expect((await api.get('/workflows/never')).status).toBe(404);
});

test.each([
  { title: '../../x', reason: 'a path up' },
  { title: 'a/b', reason: 'a path' },
  { title: 'a\\b', reason: 'another one' },
  { title: '..', reason: 'the folder above' },
  { title: '-rf', reason: 'an option' },
  { title: '\u202egnp', reason: 'text that turns round' },
  { title: '\u0430dmin', reason: 'a letter that looks like another' },
  { title: 'a\n', reason: 'a line end' },
  { title: 'a\r\nX: y', reason: 'a header' },
  { title: ' a', reason: 'a blank first' },
  { title: '__proto__', reason: 'what every object has' },
  { title: 'a'.repeat(129), reason: 'too long' },
  { title: '', reason: 'nothing' },
])('a title that names become of is refused: $reason', async ({ title }) => {
  const answer = await api.post('/workflows', {
    title,
    workflow_engine: 'memory',
    definition_format: 'native',
    definition: 'load',
  });
  expect(answer.body).toMatchObject({ status: 422, errors: [{ pointer: '/title' }] });
});

test.each(['con', 'nul', 'a..b', 'a.', 'sync', 'A'.repeat(128)])(
  'a title that some systems stumble over is a title like any other: %s',
  async (title) => {
    const { version } = await createWorkflow(api, title);
    expect((await api.get(`/workflows/${title}/${version}`)).body).toMatchObject({ title, version });
    expect((await createRun(api, title))['workflow']).toMatchObject({ title });
  },
);

test('values come back exactly as they were sent', async () => {
  const parameters = {
    TEXT: `'; DROP TABLE workflow_runs; -- \${{ x }} {{y}} $1 %s \\ " \u{1f680} é \r\n\t`,
    TREE: { null: null, list: [1, 2.5, -0.001, 1e21, [], {}, [null]], 'a.b/c~d': { '': false } },
  };
  const run = await createRun(api, 'target', { parameters });
  expect(run['parameters']).toEqual(parameters);
  expect((await api.get(`/workflow-runs/${run.id}`)).body['parameters']).toEqual(parameters);
  const value = `quote " and \\ backslash, comma; ' -- é \u{1f680}`;
  const labelled = await createRun(api, 'target', { labels: [{ key: 'example.org/k', value }] });
  const selector = encodeURIComponent(`example.org/k="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`);
  const found = await api.get(`/workflow-runs?label_selector=${selector}`);
  expect(found.body.items.map((item) => item.id)).toEqual([labelled.id]);
});

async function count(): Promise<number> {
  const { rows } = await memory.app.database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM workflow_runs' });
  return rows[0]?.n ?? -1;
}
