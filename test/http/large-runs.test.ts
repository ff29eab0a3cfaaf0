import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PARAMETERS_LIMIT_BYTES } from '../../src/lifecycle/parameters-limit.js';
import { jsonbTextBytes } from '../../src/platform/jsonb-text-bytes.js';
import { Api } from '../support/api.js';
import { startTestApp } from '../support/app.js';
import { createRun, createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api;
  const form = (type: string) => ({ type, title: 't', description: '', required: false });
  await createWorkflow(api, 'large', {
    workflow_parameters: [
      { env_variable_name: 'TEXT', ui_form: form('str') },
      { env_variable_name: 'TREE', ui_form: form('object') },
    ],
  });
});
afterAll(() => memory.close());

/** `{"TEXT": "..."}` of so many bytes. */
const textOf = (bytes: number): object => ({ TEXT: 'x'.repeat(bytes - '{"TEXT": ""}'.length) });

describe('parameters of a run', () => {
  test('may be as large as the limit, and not a byte larger', async () => {
    const start = (parameters: object) => api.post('/workflow-runs', { workflow: { title: 'large' }, parameters });
    expect((await start(textOf(PARAMETERS_LIMIT_BYTES))).status).toBe(201);
    const refused = await start(textOf(PARAMETERS_LIMIT_BYTES + 1));
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      code: 'parameters-invalid',
      errors: [{ pointer: '/parameters/TEXT', code: 'parameters-too-large' }],
    });
  });

  test('count as they are shown: a number with every digit', async () => {
    const TREE = { list: Array.from({ length: 10_000 }, () => 1e308) };
    const body = { workflow: { title: 'large' }, parameters: { TEXT: 'small', TREE } };
    expect(JSON.stringify(body).length).toBeLessThan(PARAMETERS_LIMIT_BYTES);
    const refused = await api.post('/workflow-runs', body, { key: 'many-digits' });
    expect(refused.status).toBe(422);
    expect(refused.body['errors']).toEqual([
      {
        pointer: '/parameters/TREE',
        code: 'parameters-too-large',
        message: `The parameters take 3110037 bytes as they are shown, with every digit of a number; together they may take ${PARAMETERS_LIMIT_BYTES}. The largest is "TREE" with 3110010.`,
      },
    ]);
  });
});

describe('parameters of a version', () => {
  const form = { type: 'str', title: 't', description: '', required: false };
  const withDefault = (text: string) => [{ env_variable_name: 'TEXT', ui_form: { ...form, default: text } }];
  /** Parameters that take so many bytes as they are shown. */
  const defaultOf = (bytes: number) => withDefault('x'.repeat(bytes - jsonbTextBytes(withDefault(''))));
  const version = (workflow_parameters: object[]) => ({
    title: 'large-defaults',
    workflow_engine: 'memory',
    definition_format: 'native',
    definition: 'load\n',
    workflow_parameters,
  });

  test('may take as much as those of a run, which can be started with its defaults', async () => {
    const registered = await api.post('/workflows', version(defaultOf(PARAMETERS_LIMIT_BYTES)));
    expect([registered.status, registered.text.slice(0, 300)]).toEqual([201, expect.any(String)]);
    const run = await api.post('/workflow-runs', { workflow: { title: 'large-defaults' } });
    expect(run.status).toBe(201);
  });

  test('are refused a byte above it, and the largest is named', async () => {
    const small = { env_variable_name: 'SMALL', ui_form: form };
    for (const parameters of [defaultOf(PARAMETERS_LIMIT_BYTES + 1), [small, ...defaultOf(PARAMETERS_LIMIT_BYTES)]]) {
      const refused = await api.post('/workflows', version(parameters));
      expect([refused.status, refused.body['errors']]).toEqual([
        422,
        [
          {
            pointer: `/workflow_parameters/${parameters.length - 1}`,
            code: 'parameters-too-large',
            message: expect.stringContaining('The largest is "TEXT"') as unknown,
          },
        ],
      ]);
    }
  });
});

test('params of a portable definition that are too large make it invalid', async () => {
  const definition = `apiVersion: signalbox/v1
kind: Workflow
name: large-defaults
params:
  small: {type: string, default: a}
  text: {type: string, default: ${'x'.repeat(PARAMETERS_LIMIT_BYTES)}}
tasks:
  only: {command: [/bin/true, '\${{ params.small }} \${{ params.text }}']}
`;
  const local = await startTestApp();
  try {
    const body = { workflow_engine: 'local', definition_format: 'signalbox/v1', definition };
    const error = {
      pointer: '/params/text',
      code: 'parameters-too-large',
      message: expect.stringContaining('The largest is "text"') as unknown,
    };
    const asked = new Api(local.url);
    const validated = await asked.post('/workflows/validate', body);
    expect([validated.status, validated.body]).toMatchObject([200, { valid: false, diagnostics: [error] }]);
    const registered = await asked.post('/workflows', body);
    expect([registered.status, registered.body]).toMatchObject([422, { code: 'definition-invalid', errors: [error] }]);
  } finally {
    await local.close();
  }
});

describe('pages of large runs', () => {
  const RUNS = 100;
  /** Of the texts in the record; an answer adds the actions of each run. */
  const PAGE_BYTES = 8 * 1024 * 1024 + RUNS * 1024;
  const ids: number[] = [];
  let listed: Api;
  beforeAll(async () => {
    listed = api.as({ project: 'large-runs' });
    await createWorkflow(listed, 'large', {
      workflow_parameters: [
        { env_variable_name: 'TEXT', ui_form: { type: 'str', title: 't', description: '', required: false } },
      ],
    });
    const labels = [{ key: 'size', value: 'large' }];
    for (let n = 0; n < RUNS; n += 1) {
      ids.push((await createRun(listed, 'large', { labels, parameters: textOf(PARAMETERS_LIMIT_BYTES) })).id);
    }
  });

  /** Each page, following `Link` alone. */
  async function follow(path: string): Promise<{ ids: number[]; bytes: number }[]> {
    const pages: { ids: number[]; bytes: number }[] = [];
    let next: string | undefined = path;
    while (next !== undefined) {
      const { status, text, body, headers } = await listed.get(next);
      expect(status).toBe(200);
      pages.push({ ids: body.items.map((item) => item.id), bytes: text.length });
      next = /^<\/v1([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    }
    return pages;
  }

  test.each([
    'limit=100',
    'limit=1000',
    'limit=100&order_by=created_at',
    'limit=100&order=asc&order_by=created_at',
    'limit=100&label_selector=size%3Dlarge',
    'limit=100&label_selector=size%3Dlarge&order_by=created_at',
  ])('of %s are short, and together show each run once and in order', async (query) => {
    const pages = await follow(`/workflow-runs?${query}`);
    expect(pages.flatMap((page) => page.ids)).toEqual(query.includes('order=asc') ? ids : [...ids].reverse());
    for (const page of pages) expect(page.bytes).toBeLessThan(PAGE_BYTES);
    // Nearly full all the same.
    expect(pages.length).toBeLessThanOrEqual(5);
  });

  test.each(['', '&label_selector=size%3Dlarge'])('may begin after entries that were skipped%s', async (selected) => {
    const pages = await follow(`/workflow-runs?limit=90&skip=10${selected}`);
    expect(pages.flatMap((page) => page.ids)).toEqual([...ids].reverse().slice(10));
    for (const page of pages) expect(page.bytes).toBeLessThan(PAGE_BYTES);
  });

  test('hold a run that is larger than a page, by itself', async () => {
    const set = (text: string) =>
      memory.app.database.query({
        text: `UPDATE workflow_runs SET parameters = jsonb_build_object('TEXT', ${text}) WHERE id = $1`,
        values: [ids[50]],
      });
    await set(`repeat('x', 9 * 1024 * 1024)`);
    const pages = await follow('/workflow-runs?limit=100');
    const single = await listed.get('/workflow-runs?limit=1&skip=49');
    await set(`'small again'`);
    expect(pages.flatMap((page) => page.ids)).toEqual([...ids].reverse());
    expect(pages.map((page) => page.ids)).toContainEqual([ids[50]]);
    expect(single.body.items.map((item) => item.id)).toEqual([ids[50]]);
    expect(single.headers.has('link')).toBe(true);
  });
});
