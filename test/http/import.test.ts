/** What an engine has becomes workflows: the real app before the scripted engine, into which people put definitions. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { until } from '../support/until.js';

const DIAMOND = '{}';

let engine: ScriptedEngine;
let app: TestApp;
let api: Api;
let count = 0;

beforeAll(async () => {
  engine = await startScriptedEngine();
  const entries = [
    { name: 'prod', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 10_000 },
    { name: 'local', kind: 'local', options: {}, callsPerSecond: 10_000 },
  ];
  app = await startTestApp({
    engines: { kinds: [...ENGINE_KINDS, scriptedEngineKind], entries },
    env: { POLL_INTERVAL: '100ms', RECONCILE_INTERVAL: '1s' },
  });
  api = new Api(app.url);
});
afterAll(async () => {
  await app.close();
  await engine.close();
});

const newName = (): string => `nightly-${++count}`;

function offer(name = newName(), more: Parameters<ScriptedEngine['controls']['offer']>[2] = {}): string {
  engine.controls.offer(name, DIAMOND, more);
  return name;
}

async function discovered(query = '', as = api): Promise<Body[]> {
  const items: Body[] = [];
  let path: string | undefined = `/engines/prod/workflows?${query}`;
  while (path !== undefined) {
    const answer = await as.get(path);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    items.push(...answer.body.items);
    path = /<\/v1([^>]*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return items;
}

async function imported(...references: string[]): Promise<Body[]> {
  const answer = await api.post('/engines/prod/import', { references });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.body.items;
}

async function versions(title: string): Promise<number> {
  const answer = await api.get(`/workflows/${title}?archived=true`);
  return answer.status === 404 ? 0 : answer.body.items.length;
}

describe('discovery', () => {
  test('shows each with its labels, and what it is imported as', async () => {
    const name = offer(undefined, { labels: { team: 'ml' }, description: 'Of the night', paused: true });
    const [before] = (await discovered()).filter((one) => String(one['name']) === name);
    expect(before).toEqual({
      reference: name,
      name,
      description: 'Of the night',
      labels: [{ key: 'team', value: 'ml' }],
      paused: true,
    });
    await imported(name);
    const [after] = (await discovered()).filter((one) => String(one['name']) === name);
    expect(after).toMatchObject({ workflow: { title: name, version: 1, id: expect.any(Number) as unknown } });
  });

  test('a workflow that refers to it under a title of its own counts as imported', async () => {
    const name = offer();
    const body = { title: 'a title of mine', workflow_engine: 'prod', definition_format: 'reference' };
    expect((await api.post('/workflows', { ...body, definition: ` ${name}\n` })).status).toBe(201);
    const [shown] = (await discovered()).filter((one) => String(one['name']) === name);
    expect(shown?.['workflow']).toMatchObject({ title: 'a title of mine', version: 1 });
    expect(await imported(name)).toMatchObject([{ outcome: 'UNCHANGED', title: 'a title of mine' }]);
    expect(await versions(name)).toBe(0);
  });

  test('goes over pages, each once, and a selector leaves out what it does not select', async () => {
    const wanted = Array.from({ length: 30 }, () => offer(undefined, { labels: { page: 'wanted' } }));
    Array.from({ length: 40 }, () => offer(undefined, { labels: { page: 'other' } }));
    const found = (await discovered('label_selector=page=wanted')).map((one) => String(one['name']));
    expect(found.sort()).toEqual([...wanted].sort());
    const all = (await discovered()).map((one) => String(one['name']));
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(70);
  });

  test('a cursor belongs to its engine, project and selector', async () => {
    const { body } = await api.get('/engines/prod/workflows');
    const cursor = String(body['next_cursor']);
    const other = await api.get(`/engines/prod/workflows?label_selector=a=b&cursor=${cursor}`);
    expect([other.status, other.body['errors']]).toEqual([422, [expect.objectContaining({ code: 'bad-cursor' })]]);
    expect((await api.as({ project: 'other' }).get(`/engines/prod/workflows?cursor=${cursor}`)).status).toBe(422);
  });

  test('a selector that cannot be read, and a parameter nobody knows, are refused', async () => {
    for (const query of ['label_selector=(', 'limit=3']) {
      const { status } = await api.get(`/engines/prod/workflows?${query}`);
      expect([query, status]).toEqual([query, 422]);
    }
  });

  test('what of another project is imported is not shown', async () => {
    const name = offer();
    await imported(name);
    const shown = await discovered('', api.as({ project: 'other' }));
    expect(shown.find((one) => String(one['name']) === name)).not.toHaveProperty('workflow');
  });
});

describe('an import', () => {
  test('registers the reference with its labels and its parameters, and a run of it completes', async () => {
    const name = offer(undefined, {
      labels: { tag: 'nightly' },
      parameters: [
        { name: 'who', schema: { type: 'string', description: 'Whom to greet' }, default: 'you', required: false },
        { name: 'times', schema: { type: 'integer', minimum: 1 }, required: true },
        { name: 'no-name-of-ours', schema: { type: 'string' }, required: false },
      ],
    });
    const [item] = await imported(name);
    expect(item).toMatchObject({ outcome: 'IMPORTED', title: name, workflow: { title: name, version: 1 } });
    expect(item?.['notes']).toEqual([expect.stringContaining('no-name-of-ours')]);
    const workflow = await until(
      async () => (await api.get(`/workflows/${name}/1`)).body,
      (body) => body['registration']?.state === 'READY',
    );
    expect(workflow).toMatchObject({
      definition_format: 'reference',
      definition: name,
      labels: [{ key: 'tag', value: 'nightly' }],
      workflow_parameters: [
        { env_variable_name: 'who', ui_form: { type: 'str', description: 'Whom to greet', default: 'you' } },
        { env_variable_name: 'times', ui_form: { type: 'int', required: true, minimum: 1 } },
      ],
    });
    const short = await api.post('/workflow-runs', { workflow: { title: name } });
    expect([short.status, short.body['code']]).toEqual([422, 'parameters-invalid']);
    const run = await api.post('/workflow-runs', { workflow: { title: name }, parameters: { times: 2 } });
    expect(run.status).toBe(201);
    const ended = await until(
      async () => (await api.get(`/workflow-runs/${run.body.id}`)).body,
      ({ state }) => state === 'COMPLETED' || state === 'FAILED',
    );
    expect(ended).toMatchObject({ state: 'COMPLETED', parameters: { who: 'you', times: 2 } });
    const key = String(ended['external_id']);
    expect(engine.controls.submitted(key).body).toMatchObject({
      definition: name,
      parameters: { who: 'you', times: 2 },
    });
  });

  test('of parameters that take more than a version may show is refused, as its offer says', async () => {
    const schema = { type: 'string', title: 'Text' };
    const name = offer(undefined, {
      parameters: [{ name: 'text', schema, default: 'x'.repeat(300_000), required: false }],
    });
    const obstacle = { code: 'not-runnable', message: expect.stringContaining('The largest is "text"') as unknown };
    expect((await discovered()).find((one) => String(one['name']) === name)).toMatchObject({ obstacle });
    expect(await imported(name)).toMatchObject([{ outcome: 'REFUSED', obstacle }]);
    expect(await versions(name)).toBe(0);
  });

  test('once more registers nothing', async () => {
    const name = offer();
    const [first] = await imported(name);
    const [second] = await imported(name);
    expect(second).toMatchObject({ outcome: 'UNCHANGED', workflow: first?.['workflow'] });
    expect(await versions(name)).toBe(1);
  });

  test('many at once register each once', async () => {
    const names = [offer(), offer(), offer()];
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => imported(...(index % 2 === 0 ? names : [...names].reverse()))),
    );
    const outcomes = answers.flat().map((item) => String(item['outcome']));
    expect(outcomes.filter((outcome) => outcome === 'IMPORTED')).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === 'UNCHANGED')).toHaveLength(21);
    for (const name of names) expect(await versions(name)).toBe(1);
  });

  test('an archived version does not count: the next one is registered', async () => {
    const name = offer();
    await imported(name);
    expect((await api.delete(`/workflows/${name}/1`)).status).toBe(204);
    expect(await imported(name)).toMatchObject([{ outcome: 'IMPORTED', workflow: { version: 2 } }]);
  });

  test('of a version that the engine did not take in registers the next one', async () => {
    const name = offer();
    await imported(name);
    await app.database.query({
      text: `UPDATE workflows SET registration_state = 'FAILED' WHERE title = $1`,
      values: [name],
    });
    expect(await imported(name)).toMatchObject([{ outcome: 'IMPORTED', workflow: { version: 2 } }]);
  });

  test('refuses what it has to refuse, each with its reason, and takes the rest', async () => {
    const good = offer();
    const broken = newName();
    engine.controls.offer(broken, '{"tasks":[{"id":"a","needs":["b"]}]}');
    const hidden = offer(`_${newName()}`);
    const taken = offer();
    const other = { workflow_engine: 'prod', definition_format: 'native', definition: DIAMOND };
    expect((await api.post('/workflows', { ...other, title: taken })).status).toBe(201);
    const elsewhere = offer();
    const greet = 'apiVersion: signalbox/v1\nkind: Workflow\nname: x\ntasks: { a: { command: [echo] } }\n';
    const onLocal = { workflow_engine: 'local', definition_format: 'signalbox/v1', definition: greet };
    expect((await api.post('/workflows', { ...onLocal, title: elsewhere })).status).toBe(201);

    const items = await imported('nobody', broken, hidden, taken, elsewhere, good);
    expect(items.map((item) => [item['outcome'], item['obstacle']?.['code']])).toEqual([
      ['REFUSED', 'not-found'],
      ['REFUSED', 'not-runnable'],
      ['REFUSED', 'title-not-allowed'],
      ['REFUSED', 'title-taken'],
      ['REFUSED', 'title-taken'],
      ['IMPORTED', undefined],
    ]);
    expect(items[4]?.['obstacle']?.message).toContain('engine local');
    expect(await versions(taken)).toBe(1);
    const shown = await discovered();
    const codeOf = (name: string): unknown => shown.find((one) => String(one['name']) === name)?.['obstacle']?.['code'];
    expect([broken, hidden, taken].map(codeOf)).toEqual(['not-runnable', 'title-not-allowed', 'title-taken']);
  });

  test('a dry run says the same and stores nothing', async () => {
    const name = offer();
    const { status, body } = await api.post('/engines/prod/import', { references: [name, 'nobody'], dry_run: true });
    expect([status, body['dry_run']]).toEqual([200, true]);
    expect(body.items).toMatchObject([{ outcome: 'IMPORTED', title: name }, { outcome: 'REFUSED' }]);
    expect(body.items[0]).not.toHaveProperty('workflow');
    expect(await versions(name)).toBe(0);
  });

  test('a repeat under one Idempotency-Key gets the first answer', async () => {
    const name = offer();
    const key = `import-${name}`;
    const first = await api.post('/engines/prod/import', { references: [name] }, { key });
    const again = await api.post('/engines/prod/import', { references: [name] }, { key });
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    const other = await api.post('/engines/prod/import', { references: [offer()] }, { key });
    expect([other.status, other.body['code']]).toEqual([422, 'idempotency-key-reused']);
    engine.controls.addRule({ verb: 'describe', effect: { do: 'answer', status: 503 } });
    const without = await api.post('/engines/prod/import', { references: [name] }, { key });
    engine.controls.removeRules();
    expect([without.status, without.text]).toEqual([200, first.text]);
  });

  test.each([
    { reason: 'no list', body: {}, pointer: '/references' },
    { reason: 'an empty list', body: { references: [] }, pointer: '/references' },
    { reason: 'one twice', body: { references: ['a', 'a'] }, pointer: '/references' },
    { reason: 'an empty text', body: { references: [''] }, pointer: '/references' },
    { reason: 'a number', body: { references: [1] }, pointer: '/references' },
    {
      reason: 'too many',
      body: { references: Array.from({ length: 101 }, (_, index) => `r${index}`) },
      pointer: '/references',
    },
    { reason: 'a word for a flag', body: { references: ['a'], dry_run: 'yes' }, pointer: '/dry_run' },
    { reason: 'a field nobody knows', body: { references: ['a'], selector: 'x' }, pointer: '/selector' },
  ])('$reason is refused with its place', async ({ body, pointer }) => {
    const answer = await api.post('/engines/prod/import', body);
    expect(answer.status).toBe(422);
    expect(answer.body['errors']?.map((error) => String(error['pointer']))).toContain(pointer);
  });

  test('an engine that does not answer is a 503, and nothing is stored', async () => {
    const name = offer();
    engine.controls.addRule({ verb: 'describe', effect: { do: 'answer', status: 503 } });
    const answer = await api.post('/engines/prod/import', { references: [name] });
    engine.controls.removeRules();
    expect([answer.status, answer.body['code']]).toEqual([503, 'engine-unavailable']);
    expect(await versions(name)).toBe(0);
  });
});

test.each([
  { engine: 'local', status: 422, code: 'engine-cannot', reason: 'it has no workflows of its own' },
  { engine: 'nobody', status: 404, code: 'engine-not-found', reason: 'it is not configured' },
])('nothing is discovered or imported of $engine: $reason', async ({ engine: name, status, code }) => {
  const list = await api.get(`/engines/${name}/workflows`);
  const post = await api.post(`/engines/${name}/import`, { references: ['a'] });
  expect([list.status, list.body['code'], post.status, post.body['code']]).toEqual([status, code, status, code]);
});
