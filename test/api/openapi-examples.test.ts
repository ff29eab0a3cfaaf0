import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createRun, createWorkflow, inState, submitted } from '../support/memory-app.js';
import { MemoryEngine, taskFacts } from '../support/memory-engine.js';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  example?: string | number | boolean;
}

interface Operation {
  operationId: string;
  summary?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { example?: unknown }> };
  responses: Record<string, { content?: Record<string, { schema?: object }>; links?: Record<string, Link> }>;
}

interface Link {
  operationId: string;
  parameters: Record<string, string>;
}

interface Schema {
  properties?: Record<string, unknown>;
  additionalProperties?: unknown;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const document = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ id: operation.operationId, method, path, operation })),
);

/** Answers hold what the document says and nothing else. */
const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as (instance: Ajv2020) => void)(ajv);
ajv.addSchema({ ...document, components: { schemas: closed(document.components.schemas) } }, 'openapi');

let app: TestApp;
let api: Api;

beforeAll(async () => {
  const engine = new MemoryEngine('local');
  const kind = engine.kind();
  app = await startTestApp({
    env: { REFRESH_MAX_AGE: '100ms', RECONCILE_INTERVAL: '1s' },
    engines: { kinds: [kind], entries: [{ name: 'local', kind: 'local', options: {}, callsPerSecond: 1000 }] },
  });
  api = new Api(app.url);
  // What the examples refer to: two workflows, two runs that have failed, one that is active.
  const more = { workflow_engine: 'local', labels: [{ key: 'team', value: 'ml' }] };
  const parameter = {
    env_variable_name: 'who',
    ui_form: { type: 'str', title: 'Who', description: '', required: false, default: 'world' },
  };
  await createWorkflow(api, 'example', { ...more, definition: 'greet\nleave\n', workflow_parameters: [parameter] });
  await createWorkflow(api, 'unused', more);
  for (let n = 1; n <= 3; n += 1) {
    const run = await createRun(api, 'example', { labels: more.labels });
    expect(run.id).toBe(n);
    await submitted(api, run.id);
    if (n === 3) continue;
    engine.say(run.id, {
      phase: 'failed',
      failure: { class: 'user', code: 'exit-code', message: 'exit 1', task_title: 'leave' },
      taskRuns: [taskFacts('greet'), taskFacts('leave', { state: 'FAILED' })],
    });
    await inState(api, run.id, 'FAILED');
  }
  engine.offers = [
    {
      reference: 'nightly-report',
      otherReferences: [],
      name: 'nightly-report',
      labels: [{ key: 'tag', value: 'nightly' }],
    },
  ];
  engine.logs.set('greet/1', { text: 'hello\n', open: false });
});
afterAll(() => app.close());

test('no operation is without an example', () => {
  const without = operations.filter(({ operation }) => lacksExample(operation)).map(({ id }) => id);
  process.stderr.write(`operations: ${operations.length}, without an example: ${JSON.stringify(without)}\n`);
  expect(without).toEqual([]);
  expect(operations.length).toBeGreaterThan(25);
});

test('every operation has an id of its own, a summary and typed answers', () => {
  expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  for (const { operation } of operations) {
    expect(operation.summary).toEqual(expect.any(String));
    const successes = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
    expect(successes.length).toBeGreaterThan(0);
    expect(operation.responses['422']?.content?.['application/problem+json']).toBeDefined();
  }
});

test.each(operations)('$id answers its example as the document says', async ({ method, path, operation }) => {
  const answer = await api.send(method.toUpperCase(), pathOf(path, operation), bodyOf(operation));
  if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
  const documented = operation.responses[String(answer.status)];
  expect(documented).toBeDefined();
  const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? '';
  if (answer.status === 204) return;
  expect(Object.keys(documented?.content ?? {})).toContain(mediaType);
  const schema = documented?.content?.[mediaType]?.schema;
  if (mediaType !== 'application/json' || schema === undefined) return;
  const validate = ajv.compile(absolute(schema));
  validate(answer.body);
  expect(validate.errors ?? []).toEqual([]);
  // The first of none leads nowhere.
  if (Array.isArray(answer.body['items']) && answer.body['items'].length === 0) return;
  for (const link of Object.values(documented?.links ?? {})) await follow(link, operation, answer.body);
});

/** Reads what a link of an answer leads to; writes would be other requests than the examples. */
async function follow(link: Link, from: Operation, body: unknown): Promise<void> {
  const target = operations.find(({ id }) => id === link.operationId);
  // A run that is not final would be waited for.
  if (target?.method !== 'get' || target.id === 'waitForWorkflowRun') return;
  const values = Object.entries(link.parameters).map(([name, expression]) => [name, valueOf(expression, from, body)]);
  const parameters = (target.operation.parameters ?? []).map((parameter) => ({
    ...parameter,
    example: values.find(([name]) => name === parameter.name)?.[1] as string | undefined,
  }));
  const answer = await api.get(pathOf(target.path, { ...target.operation, parameters }));
  // The engine of this test has the log of one task only.
  const found = target.id.startsWith('getTaskRunLogs') ? [200, 410] : [200];
  expect([link.operationId, values, found.includes(answer.status), answer.status]).toEqual([
    link.operationId,
    values,
    true,
    answer.status,
  ]);
}

/** `$response.body#/pointer` or `$request.path.name`. */
function valueOf(expression: string, from: Operation, body: unknown): unknown {
  const [where, pointer] = expression.split('#');
  if (where === '$response.body' && pointer !== undefined) {
    const parts = pointer.split('/').slice(1);
    return parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], body);
  }
  const name = /^\$request\.path\.(\w+)$/.exec(expression)?.[1];
  if (name === undefined) throw new Error(`not an expression of ours: ${expression}`);
  return from.parameters?.find((parameter) => parameter.in === 'path' && parameter.name === name)?.example;
}

function lacksExample(operation: Operation): boolean {
  const path = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  const body = operation.requestBody?.content['application/json'];
  return path.some((one) => one.example === undefined) || (body !== undefined && body.example === undefined);
}

function pathOf(template: string, operation: Operation): string {
  const parameters = operation.parameters ?? [];
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(parameters.find((one) => one.in === 'path' && one.name === name)?.example)),
  );
  const query = new URLSearchParams(
    parameters.flatMap(({ name, in: where, example }) =>
      where === 'query' && example !== undefined ? [[name, String(example)] as [string, string]] : [],
    ),
  );
  return `${path.replace(/^\/v1/, '')}${query.size > 0 ? `?${query.toString()}` : ''}`;
}

function bodyOf(operation: Operation): unknown {
  return operation.requestBody?.content['application/json']?.example;
}

/** References of one schema, made to point into the document. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')) as object;
}

function closed(schemas: Record<string, Schema>): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      schema.properties && schema.additionalProperties === undefined
        ? { ...schema, additionalProperties: false }
        : schema,
    ]),
  );
}
