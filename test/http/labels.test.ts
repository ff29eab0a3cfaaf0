import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { createRun, createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api.as({ project: 'labels' });
  await createWorkflow(api, 'labelled', { labels: [{ key: 'team', value: 'ml' }] });
});
afterAll(() => memory.close());

const label = (key: string, value: string): { key: string; value: string } => ({ key, value });

describe('changing labels', () => {
  test('adds and removes; what is there or gone already changes nothing', async () => {
    const run = await createRun(api, 'labelled', { labels: [label('a', '1'), label('a', '2')] });
    const path = `/workflow-runs/${run.id}/labels`;
    const change = { add: [label('b', 'x'), label('a', '1')], remove: [label('a', '2'), label('c', 'none')] };
    const changed = await api.patch(path, change);
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ id: run.id, labels: [label('a', '1'), label('b', 'x')] });
    expect((await api.patch(path, change)).body['labels']).toEqual([label('a', '1'), label('b', 'x')]);
    const workflow = await api.patch('/workflows/labelled/1/labels', { add: [label('stage', 'dev')] });
    expect(workflow.body).toMatchObject({ title: 'labelled', labels: [label('stage', 'dev'), label('team', 'ml')] });
  });

  test('refuses contradictions, duplicates, bad labels and more than sixty-four', async () => {
    const run = await createRun(api, 'labelled');
    const path = `/workflow-runs/${run.id}/labels`;
    const refused = async (body: object): Promise<void> => expect((await api.patch(path, body)).status).toBe(422);
    await refused({ add: [label('a', '1')], remove: [label('a', '1')] });
    await refused({ add: [label('a', '1'), label('a', '1')] });
    await refused({ add: [label('a b', '1')] });
    await refused({ add: [label('a', 'x\u0007')] });
    await refused({ add: [{ key: 'a' }] });
    await refused({ add: ['a=1'] });
    const many = Array.from({ length: 64 }, (_, n) => label('n', String(n)));
    expect((await api.patch(path, { add: many })).status).toBe(200);
    await refused({ add: [label('one', 'more')] });
    expect((await api.patch(path, { add: [label('one', 'more')], remove: [label('n', '0')] })).status).toBe(200);
  });

  test('by many at once loses none', async () => {
    const run = await createRun(api, 'labelled');
    const path = `/workflow-runs/${run.id}/labels`;
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all([
        api.patch(path, { add: [label('left', String(round))] }),
        api.patch(path, { add: [label('right', String(round))] }),
        api.patch(path, { remove: [label('left', String(round - 1))] }),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    }
    const { labels } = (await api.get(`/workflow-runs/${run.id}`)).body;
    const values = [...(labels ?? [])].filter((one) => (one['key'] as unknown) === 'right').length;
    expect(values).toBe(20);
    expect(labels).toContainEqual(label('left', '19'));
    expect([...(labels ?? [])].filter((one) => (one['key'] as unknown) === 'left').length).toBe(1);
  });

  test('keeps to the limit when two fill the last places at once', async () => {
    const run = await createRun(api, 'labelled');
    const path = `/workflow-runs/${run.id}/labels`;
    const fill = (key: string): object => ({ add: Array.from({ length: 40 }, (_, n) => label(key, String(n))) });
    const answers = await Promise.all([api.patch(path, fill('l')), api.patch(path, fill('r'))]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 422]);
    expect((await api.get(`/workflow-runs/${run.id}`)).body['labels']?.length).toBe(40);
  });
});

describe('the vocabulary', () => {
  test('holds the labels in use with counts, by prefix and in pages', async () => {
    const own = api.as({ project: 'vocabulary' });
    await createWorkflow(own, 'one', { labels: [label('team', 'ml')] });
    for (const value of ['ml', 'ml', 'data']) await createRun(own, 'one', { labels: [label('team', value)] });
    expect((await own.get('/labels')).body).toEqual({
      items: [
        { key: 'team', value: 'data', workflows: 0, workflow_runs: 1 },
        { key: 'team', value: 'ml', workflows: 1, workflow_runs: 2 },
      ],
    });
    expect((await own.get('/labels?prefix=te')).body.items.length).toBe(2);
    expect((await own.get('/labels?prefix=t%25')).body.items).toEqual([]);
    const page = await own.get('/labels?limit=1');
    expect(page.headers.get('link')).toContain('rel="next"');
    const next = await own.get(`/labels?limit=1&cursor=${page.body['next_cursor']}`);
    expect(next.body.items).toMatchObject([{ value: 'ml' }]);
    expect(next.headers.get('link')).toBeNull();
    expect((await own.get(`/labels?prefix=te&cursor=${page.body['next_cursor']}`)).status).toBe(422);
  });
});
