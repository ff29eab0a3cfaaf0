import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startMemoryApp, type MemoryApp } from '../support/memory-app.js';
import { rawRequest } from '../support/probe-app.js';

interface Operation {
  parameters?: { name: string; in: string; example?: string | number }[];
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY'];

const document = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};

/** Every described path with the values of its examples, and the methods it takes: HEAD comes with GET. */
const paths = Object.entries(document.paths).map(([template, operations]) => {
  const parameters = Object.values(operations).flatMap((operation) => operation.parameters ?? []);
  const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(parameters.find((one) => one.in === 'path' && one.name === name)?.example)),
  );
  const declared = Object.keys(operations).map((method) => method.toUpperCase());
  const taken = [...declared, ...(declared.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
  return { template, path, taken };
});

let memory: MemoryApp;
beforeAll(async () => {
  memory = await startMemoryApp();
});
afterAll(() => memory.close());

describe.each(paths)('$template', ({ path, taken }) => {
  const allow = taken.join(', ');

  test(`is asked by OPTIONS and says ${allow}`, async () => {
    const answer = await rawRequest(`${memory.api.url}${path}`, { method: 'OPTIONS' });
    expect([answer.status, answer.headers.allow]).toEqual([204, allow]);
  });

  test.each(METHODS.filter((method) => !taken.includes(method)))('refuses %s with 405 and Allow', async (method) => {
    for (const url of [path, `${path}/`, path.replace('/v1', ''), `${path}?limit=1`]) {
      const answer = await rawRequest(`${memory.api.url}${url}`, { method });
      expect([url, answer.status, answer.headers.allow]).toEqual([url, 405, allow]);
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
  });
});

test('a title that is the path of something else is refused, since nobody could read its versions', async () => {
  const body = { workflow_engine: 'memory', definition_format: 'native', definition: 'load', title: 'validate' };
  const answer = await memory.api.post('/workflows', body);
  expect(answer.body).toMatchObject({ status: 422, errors: [{ pointer: '/title' }] });
});
