import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRun, createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';
import { rawSocket } from '../support/probe-app.js';
import { processorMs } from '../support/processor-time.js';

let memory: MemoryApp;
let port: number;
beforeAll(async () => {
  memory = await startMemoryApp();
  port = Number(new URL(memory.api.url).port);
  await createWorkflow(memory.api, 'target');
  await createRun(memory.api, 'target', { labels: [{ key: 'team', value: 'ml' }] });
});
afterAll(() => memory.close());

const QUICK_MS = 100;
const list = (count: number, one: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => one(index)).join(',');

describe('a query that is absurd', () => {
  test.each([
    { reason: 'a number beyond every page', query: 'limit=99999999999999999999999' },
    { reason: 'less than nothing', query: 'limit=-1' },
    { reason: 'another notation', query: 'limit=0x10' },
    { reason: 'digits of another script', query: 'limit=%EF%BC%91' },
    { reason: 'one parameter twice', query: 'limit=1&limit=2' },
    { reason: 'an array as frameworks write it', query: 'limit[]=1' },
    { reason: 'the same with a place', query: 'state[0]=FAILED' },
    { reason: 'an object as frameworks write it', query: 'a[__proto__][polluted]=1' },
    { reason: 'a member of every object', query: '__proto__=1' },
    { reason: 'another one', query: 'constructor=1' },
    { reason: 'a thousand parameters', query: list(1000, (n) => `p${n}=1`).replaceAll(',', '&') },
    { reason: 'a cursor of 8,000 characters', query: `cursor=${'A'.repeat(8000)}` },
    { reason: 'a selector of a thousand terms', query: selector(list(1000, (n) => `k${n}=v`)) },
    { reason: 'a set of two thousand values', query: selector(`k in (${list(2000, (n) => `v${n}`)})`) },
    { reason: 'sets inside sets', query: selector('a in ('.repeat(500)) },
    { reason: 'not, five thousand times', query: selector('!'.repeat(5000)) },
    { reason: 'a quotation that never ends', query: selector(`a="${'x'.repeat(3000)}`) },
    { reason: 'a header in a value', query: selector('a="x\r\nSet-Cookie: a=b"') },
    { reason: 'a time that is no time', query: 'created_after=-infinity' },
  ])('is a 422 at once and shows nothing: $reason', async ({ query }) => {
    const took = await processorMs(QUICK_MS, async () => {
      const answer = await memory.api.get(`/workflow-runs?${query}`);
      expect([answer.status, answer.body['items']]).toEqual([422, undefined]);
      expect(answer.text.length).toBeLessThan(100_000);
    });
    expect(took).toBeLessThan(QUICK_MS);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('as long as it may be is answered at once: 32 negations', async () => {
    const query = selector(list(32, (n) => `k${n} notin (a,b)`));
    const took = await processorMs(QUICK_MS, async () => {
      expect((await memory.api.get(`/workflow-runs?${query}`)).body.items).toHaveLength(1);
    });
    expect(took).toBeLessThan(QUICK_MS);
  });
});

describe('SQL', () => {
  const hostile = [
    "' OR '1'='1",
    "x'; DROP TABLE workflow_runs; --",
    '%',
    '_',
    '\\',
    '$1',
    "\\'",
    '1)) OR true --',
    '"',
  ];
  const filters = ['workflow_title', 'workflow_engine', 'external_id'];
  const rows = filters.flatMap((filter) => hostile.map((text) => ({ filter, text })));

  test.each(rows)('in $filter finds nothing and harms nothing: $text', async ({ filter, text }) => {
    const found = await memory.api.get(`/workflow-runs?${filter}=${encodeURIComponent(text)}`);
    expect([found.status, found.body.items]).toEqual([200, []]);
    expect((await memory.api.get('/workflow-runs')).body.items).toHaveLength(1);
  });

  test.each(hostile)('in a value of a selector and in a prefix finds nothing: %s', async (text) => {
    const quoted = `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    const found = await memory.api.get(`/workflow-runs?${selector(`team=${quoted}`)}`);
    expect([found.status, found.body.items]).toEqual([200, []]);
    const labels = await memory.api.get(`/labels?prefix=${encodeURIComponent(text)}`);
    expect(labels.status === 200 ? labels.body.items : labels.status).toEqual(labels.status === 200 ? [] : 422);
    expect((await memory.api.get(`/workflow-runs?${selector('team=ml')}`)).body.items).toHaveLength(1);
  });

  test.each(['order', 'order_by', 'state', 'limit', 'skip', 'created_after', 'cursor', 'workflow_version', 'count'])(
    'in %s is refused',
    async (filter) => {
      const answer = await memory.api.get(`/workflow-runs?${filter}=${encodeURIComponent("id; SELECT '1'")}`);
      expect(answer.status).toBe(422);
      expect(answer.text).not.toMatch(/syntax|pg_|relation/);
    },
  );
});

describe('a path that plays tricks', () => {
  // Written to the socket as they stand: clients would tidy them up.
  test.each([
    { reason: 'an empty part first', path: '//v1/workflows', status: 404 },
    { reason: 'an empty part within', path: '/v1//workflows', status: 404 },
    { reason: 'a part that stays', path: '/v1/./workflows', status: 404 },
    { reason: 'a part that goes up', path: '/v1/../metrics', status: 404 },
    { reason: 'the same, encoded', path: '/v1/%2e%2e/metrics', status: 404 },
    { reason: 'up and out of a page', path: '/docs/..%2f..%2fpackage.json', status: 404 },
    { reason: 'up and in again', path: '/livez/../v1/workflows', status: 404 },
    { reason: 'a dot at the end', path: '/v1/workflows.', status: 404 },
    { reason: 'NUL at the end', path: '/v1/workflows%00', status: 404 },
    { reason: 'a parameter of a part', path: '/v1/workflows;x=1', status: 404 },
    { reason: 'capitals', path: '/V1/workflows', status: 404 },
    { reason: 'the version, encoded', path: '/%76%31/workflows', status: 404 },
    { reason: 'the version twice', path: '/v1/v1', status: 404 },
    { reason: 'an empty part last', path: '/v1/workflow-runs/1//', status: 404 },
    { reason: 'a title that goes up', path: '/v1/workflows/%2e%2e', status: 404 },
    { reason: 'a slash inside an id', path: '/v1/workflow-runs/1%2fcancel', status: 422 },
    { reason: 'a blank after an id', path: '/v1/workflow-runs/1%20', status: 422 },
    { reason: 'no encoding at all', path: '/v1/workflow-runs/%zz', status: 400 },
    { reason: 'the other slash', path: '\\v1\\workflows', status: 400 },
    { reason: 'a control character', path: '/v1/\u0001', status: 400 },
    { reason: 'a long part', path: `/v1/workflows/${'a'.repeat(500)}`, status: 404 },
    { reason: 'a long query', path: `/v1/workflows?title=${'a'.repeat(20_000)}`, status: 400 },
  ])('is answered $status, with a problem and what browsers have to be told: $reason', async ({ path, status }) => {
    const text = await rawSocket(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    const [head = '', body = ''] = text.toLowerCase().split('\r\n\r\n');
    expect(head).toContain('content-type: application/problem+json');
    expect(head).toContain('x-content-type-options: nosniff');
    expect(body).not.toMatch(/node_modules|\.ts:\d+/);
  });

  test('a head that is too long is told so', async () => {
    const text = await rawSocket(port, `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*16 KiB/);
  });
});

function selector(text: string): string {
  return `label_selector=${encodeURIComponent(text)}`;
}
