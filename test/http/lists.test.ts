import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
const ids: number[] = [];
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api.as({ project: 'lists' });
  await createWorkflow(api, 'first', { labels: [{ key: 'team', value: 'ml' }] });
  await createWorkflow(api, 'second');
  for (let n = 0; n < 25; n += 1) {
    const labels = [
      { key: 'team', value: n % 2 === 0 ? 'ml' : 'data' },
      { key: 'team', value: 'all' },
      ...(n % 5 === 0 ? [{ key: 'archived', value: '' }] : []),
    ];
    ids.push((await createRun(api, n < 20 ? 'first' : 'second', { labels })).id);
  }
});
afterAll(() => memory.close());

/** Ids over all pages, following `Link` alone. */
async function follow(path: string): Promise<number[]> {
  const found: number[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const { status, body, headers } = await api.get(next);
    expect(status).toBe(200);
    found.push(...body.items.map((item) => item.id));
    next = /^<\/v1([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    expect(body['next_cursor'] === undefined).toBe(next === undefined);
  }
  return found;
}

describe('a list of runs', () => {
  test('is whole, in order and without repeats over its pages, in each order', async () => {
    const newestFirst = [...ids].reverse();
    expect(await follow('/workflow-runs?limit=7')).toEqual(newestFirst);
    expect(await follow('/workflow-runs?limit=25')).toEqual(newestFirst);
    expect(await follow('/workflow-runs?limit=7&order=asc')).toEqual(ids);
    expect(await follow('/workflow-runs?limit=7&order_by=created_at')).toEqual(newestFirst);
    expect(await follow('/workflow-runs?limit=7&order_by=created_at&order=asc')).toEqual(ids);
    expect(await follow('/workflow-runs?limit=7&skip=3')).toEqual(newestFirst.slice(3));
  });

  test('shows each run as reading it would', async () => {
    const [newest] = (await api.get('/workflow-runs?limit=1')).body.items;
    // Between one read and the next its engine would take it.
    await submitted(api, newest?.id ?? 0);
    const [listed] = (await api.get('/workflow-runs?limit=1')).body.items;
    const read = (await api.get(`/workflow-runs/${listed?.id}?refresh=false`)).body;
    expect(Object.keys(read).sort()).toEqual(Object.keys(listed ?? {}).sort());
  });

  test('is filtered by every filter, and by all of them together', async () => {
    const selected = (keep: (n: number) => boolean): number[] => ids.filter((_, n) => keep(n)).reverse();
    expect(await follow('/workflow-runs?limit=3&workflow_title=second')).toEqual(selected((n) => n >= 20));
    expect(await follow('/workflow-runs?workflow_version=2')).toEqual([]);
    expect(await follow('/workflow-runs?workflow_engine=slow')).toEqual([]);
    expect(await follow('/workflow-runs?state=FAILED')).toEqual([]);
    expect(await follow('/workflow-runs?limit=3&state=PENDING&state=SCHEDULED&state=RUNNING')).toEqual(
      selected(() => true),
    );
    expect(await follow('/workflow-runs?limit=2&label_selector=team%3Dml')).toEqual(selected((n) => n % 2 === 0));
    const text = encodeURIComponent('team in (ml, "data"), team=all, !archived');
    expect(await follow(`/workflow-runs?limit=2&label_selector=${text}&workflow_title=first`)).toEqual(
      selected((n) => n % 5 !== 0 && n < 20),
    );
    const middle = (await api.get(`/workflow-runs/${ids[10]}?refresh=false`)).body['created_at'];
    const before = await follow(`/workflow-runs?created_before=${middle}`);
    const after = await follow(`/workflow-runs?created_after=${middle}`);
    // The time shown is cut to milliseconds, so the run itself is after it.
    expect([...after, ...before].length).toBe(25);
    const external = (await api.get('/workflow-runs?limit=25')).body.items.find(
      (run) => run['external_id'] !== undefined,
    );
    if (external) expect(await follow(`/workflow-runs?external_id=${external['external_id']}`)).toEqual([external.id]);
  });

  test('guesses its length when asked', async () => {
    expect((await api.get('/workflow-runs?count=estimate&limit=1')).body['estimated_count']).toEqual(
      expect.any(Number),
    );
    expect((await api.get('/workflow-runs?limit=1')).body['estimated_count']).toBeUndefined();
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=', 'limit'],
    ['limit=5&limit=6', 'limit'],
    ['order=up', 'order'],
    ['order_by=title', 'order_by'],
    ['skip=10001', 'skip'],
    ['skip=-1', 'skip'],
    ['state=SLEEPING', 'state'],
    ['state=FAILED,RUNNING', 'state'],
    ['workflow_version=0', 'workflow_version'],
    ['workflow_version=99999999999', 'workflow_version'],
    ['created_after=yesterday', 'created_after'],
    ['created_after=2026-02-30T00:00:00Z', 'created_after'],
    ['label_selector=a%3D%3D%3D', 'label_selector'],
    ['label_selector=a&label_selector=b', 'label_selector'],
    ['cursor=nonsense', 'cursor'],
    ['count=exact', 'count'],
    ['colour=red', 'colour'],
    ['workflow_title=%00', 'workflow_title'],
  ])('refuses ?%s naming the parameter', async (query, parameter) => {
    const answer = await api.get(`/workflow-runs?${query}`);
    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect([...(answer.body['errors'] ?? [])].map((error) => error['parameter'])).toContain(parameter);
  });

  test('refuses a cursor of another list, order, filter or project', async () => {
    const cursor = (await api.get('/workflow-runs?limit=2')).body['next_cursor'];
    expect((await api.get(`/workflow-runs?limit=9&cursor=${cursor}`)).status).toBe(200);
    for (const query of ['order=asc', 'order_by=created_at', 'state=FAILED', 'label_selector=team', 'skip=1']) {
      expect((await api.get(`/workflow-runs?limit=2&${query}&cursor=${cursor}`)).status).toBe(422);
    }
    expect((await api.get(`/workflow-runs?cursor=${cursor}`, { project: 'other' })).status).toBe(422);
    expect((await api.get(`/workflows?cursor=${cursor}`)).status).toBe(422);
  });

  test('stays the same list while runs are added at its head', async () => {
    const first = await api.get('/workflow-runs?limit=5');
    const added = await createRun(api, 'second');
    const rest = await follow(`/workflow-runs?limit=5&cursor=${first.body['next_cursor']}`);
    expect([...first.body.items.map((item) => item.id), ...rest]).toEqual([...ids].reverse());
    await memory.app.database.query({ text: 'DELETE FROM workflow_runs WHERE id = $1', values: [added.id] });
  });
});

describe('a list of workflows', () => {
  test('is filtered by labels and fields, and leaves definitions out', async () => {
    const all = (await api.get('/workflows')).body.items;
    expect(all.map((item) => item['title'])).toEqual(['second', 'first']);
    expect(all[0]).not.toHaveProperty('definition');
    const ml = (await api.get('/workflows?label_selector=team%3Dml')).body.items;
    expect(ml.map((item) => item['title'])).toEqual(['first']);
    expect((await api.get('/workflows?label_selector=!team&order_by=created_at')).body.items.length).toBe(1);
    expect((await api.get('/workflows?workflow_title=second&workflow_engine=memory')).body.items.length).toBe(1);
    const page = await api.get('/workflows?limit=1&count=estimate');
    expect(page.body['estimated_count']).toEqual(expect.any(Number));
    const next = await api.get(`/workflows?limit=1&count=estimate&cursor=${page.body['next_cursor']}`);
    expect(next.body.items.map((item) => item['title'])).toEqual(['first']);
  });

  test('ends a page early where parameters are large, and shows each once', async () => {
    const large = api.as({ project: 'large-workflows' });
    const form = { type: 'str', title: 't', description: '', required: false, default: 'x'.repeat(250_000) };
    const versions: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const more = { workflow_parameters: [{ env_variable_name: 'TEXT', ui_form: form }] };
      versions.unshift((await createWorkflow(large, 'large', more))['version'] as unknown as number);
    }
    for (const path of ['/workflows', '/workflows?order_by=created_at', '/workflows/large']) {
      const seen: unknown[] = [];
      for (let next: string | undefined = path; next !== undefined;) {
        const { status, text, body, headers } = await large.get(next);
        expect(status).toBe(200);
        expect(text.length).toBeLessThan(8.5 * 1024 * 1024);
        seen.push(...body.items.map((item) => item['version']));
        next = /^<\/v1([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
      }
      expect(seen).toEqual(versions);
    }
  });
});
