import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { taskFacts } from '../support/memory-engine.js';
import { until } from '../support/until.js';

interface Operation {
  operationId: string;
  tags?: string[];
  responses: Record<string, { links?: Record<string, { operationId: string; parameters: Record<string, string> }> }>;
  parameters?: { name: string; in: string; required?: boolean; schema?: { type?: string; default?: unknown } }[];
  requestBody?: { required?: boolean };
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  tags: { name: string; description: string }[];
}

/** What generated clients go by. */
const document = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as Document;
const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

describe('the description of requests', () => {
  const queries = operations.flatMap((operation) =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'query')
      .map((parameter) => ({ ...parameter, name: `${operation.operationId}.${parameter.name}` })),
  );

  test('asks for no parameter that has a default', () => {
    const defaulted = queries.filter(({ schema }) => schema?.default !== undefined);
    expect(defaulted.length).toBeGreaterThan(5);
    expect(defaulted.filter(({ required }) => required === true).map(({ name }) => name)).toEqual([]);
  });

  test('knows no fractions in queries: none is taken there', () => {
    expect(queries.filter(({ schema }) => schema?.type === 'integer').length).toBeGreaterThan(5);
    expect(queries.filter(({ schema }) => schema?.type === 'number').map(({ name }) => name)).toEqual([]);
  });

  test.each([
    { id: 'cancelWorkflowRun', required: false },
    { id: 'syncWorkflowRuns', required: false },
    { id: 'createWorkflowRun', required: true },
    { id: 'createLifecycleEvent', required: true },
  ])('says whether $id can do without a body', ({ id, required }) => {
    expect(operations.find(({ operationId }) => operationId === id)?.requestBody?.required).toBe(required);
  });
});

test('every operation belongs to one resource, and every resource is described', () => {
  const used = operations.map(({ tags = [] }) => tags);
  expect(used.filter((tags) => tags.length !== 1)).toEqual([]);
  expect(new Set(used.flat())).toEqual(new Set(document.tags.map(({ name }) => name)));
  expect(document.tags.every(({ description }) => description.length > 0)).toBe(true);
});

test('links lead to operations, and name all of their path', () => {
  const links = operations.flatMap(({ responses }) =>
    Object.values(responses).flatMap((response) => Object.values(response.links ?? {})),
  );
  for (const { operationId, parameters } of links) {
    const target = operations.find((operation) => operation.operationId === operationId);
    const known = (target?.parameters ?? []).map(({ name, in: where }) => ({ name, where }));
    const path = known.filter(({ where }) => where === 'path').map(({ name }) => name);
    expect([operationId, Object.keys(parameters)]).toEqual([operationId, expect.arrayContaining(path)]);
    expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(parameters)));
  }
  const reached = new Set(links.map(({ operationId }) => operationId));
  const alone = operations.map(({ operationId }) => operationId).filter((id) => !reached.has(id));
  // Lists, and what only takes in: where a client begins.
  expect(alone.sort()).toEqual([
    'createWorkflow',
    'createWorkflowRun',
    'getApiIndex',
    'listDrift',
    'listEngines',
    'listLabels',
    'listWorkflows',
    'syncWorkflowRuns',
    'validateWorkflow',
  ]);
});

describe('answers to dry runs', () => {
  let memory: MemoryApp;
  const ajv = new Ajv2020({ strict: false });
  (addFormats as unknown as (instance: Ajv2020) => void)(ajv);
  ajv.addSchema(document, 'openapi');
  beforeAll(async () => {
    memory = await startMemoryApp();
    await createWorkflow(memory.api, 'dry');
  });
  afterAll(() => memory.close());

  test('are described, for runs and for task runs', async () => {
    const { api, engine } = memory;
    const { id } = await createRun(api, 'dry');
    await submitted(api, id);
    engine.say(id, { phase: 'running', taskRuns: [taskFacts('load')] });
    const tasks = await until(
      () => api.get(`/workflow-runs/${id}/task-runs`),
      ({ body }) => body.items.length > 0,
    );
    const requests = [
      { path: `/workflow-runs/${id}/lifecycle-events`, described: '/v1/workflow-runs/{id}/lifecycle-events' },
      {
        path: `/task-runs/${tasks.body.items[0]?.id}/lifecycle-events`,
        described: '/v1/task-runs/{id}/lifecycle-events',
      },
    ];
    for (const { path, described } of requests) {
      const answer = await api.post(path, { type: 'CANCEL', dry_run: true });
      expect(answer.status).toBe(200);
      expect(answer.body).toHaveProperty('available');
      const pointer = [described, 'post', 'responses', '200', 'content', 'application/json', 'schema']
        .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
        .join('/');
      const validate = ajv.compile({ $ref: `openapi#/paths/${pointer}` });
      expect([validate(answer.body), validate.errors]).toEqual([true, null]);
    }
  });
});
