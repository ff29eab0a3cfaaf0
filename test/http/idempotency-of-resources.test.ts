import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { createRun, createWorkflow, startMemoryApp, type MemoryApp } from '../support/memory-app.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api;
  await createWorkflow(api, 'once');
});
afterAll(() => memory.close());

async function countRuns(): Promise<number> {
  const { rows } = await memory.app.database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM workflow_runs' });
  return rows[0]?.n ?? -1;
}

describe('an Idempotency-Key', () => {
  test('F3 makes one run of fifty requests at once', async () => {
    const before = await countRuns();
    const body = { workflow: { title: 'once' } };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.post('/workflow-runs', body, { key: 'fifty' })),
    );
    const first = answers.filter((answer) => answer.status === 201 && !answer.headers.has('idempotency-replayed'));
    expect(first.length).toBe(1);
    for (const answer of answers) {
      if (answer === first[0]) continue;
      if (answer.status === 201) {
        expect(answer.headers.get('idempotency-replayed')).toBe('true');
        expect(answer.text).toBe(first[0]?.text);
      } else {
        expect(answer.body).toMatchObject({ status: 409, code: 'idempotency-in-progress' });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
    }
    expect(await countRuns()).toBe(before + 1);
  });

  test('F2 gives the same bytes and place again', async () => {
    const body = { workflow: { title: 'once' }, parameters: {} };
    const first = await api.post('/workflow-runs', body, { key: 'again' });
    for (let n = 0; n < 3; n += 1) {
      const again = await api.post('/workflow-runs', { parameters: {}, workflow: { title: 'once' } }, { key: 'again' });
      expect(again.status).toBe(201);
      expect(again.text).toBe(first.text);
      expect(again.headers.get('location')).toBe(first.headers.get('location'));
    }
  });

  test('F4 is refused with another body, path or operation', async () => {
    const before = await countRuns();
    await api.post('/workflow-runs', { workflow: { title: 'once' } }, { key: 'other' });
    const other = await api.post('/workflow-runs', { workflow: { title: 'once', version: 1 } }, { key: 'other' });
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency-key-reused' });
    const run = await createRun(api, 'once');
    expect((await api.put(`/workflow-runs/${run.id}/cancel`, undefined, { key: 'other' })).status).toBe(422);
    expect(await countRuns()).toBe(before + 2);
  });

  test('belongs to its project', async () => {
    const theirs = api.as({ project: 'theirs' });
    await createWorkflow(theirs, 'once');
    const ours = await api.post('/workflow-runs', { workflow: { title: 'once' } }, { key: 'shared' });
    const other = await theirs.post('/workflow-runs', { workflow: { title: 'once' } }, { key: 'shared' });
    expect(other.headers.get('idempotency-replayed')).toBeNull();
    expect(other.body.id).not.toBe(ours.body.id);
  });

  test('remembers nothing of a refusal', async () => {
    const bad = await api.post('/workflow-runs', { workflow: { title: 'nobody' } }, { key: 'refused' });
    expect(bad.status).toBe(404);
    const good = await api.post('/workflow-runs', { workflow: { title: 'once' } }, { key: 'refused' });
    expect(good.status).toBe(201);
  });

  test('works for labels, workflows and lifecycle requests', async () => {
    const run = await createRun(api, 'once');
    const change = { add: [{ key: 'a', value: 'b' }] };
    const first = await api.patch(`/workflow-runs/${run.id}/labels`, change, { key: 'labels' });
    await api.patch(`/workflow-runs/${run.id}/labels`, { remove: change.add });
    const replay = await api.patch(`/workflow-runs/${run.id}/labels`, change, { key: 'labels' });
    expect(replay.text).toBe(first.text);
    expect((await api.get(`/workflow-runs/${run.id}`)).body['labels']).toEqual([]);
    const cancel = await api.put(`/workflow-runs/${run.id}/cancel`, {}, { key: 'cancel' });
    expect(cancel.status).toBe(202);
    const repeated = await api.put(`/workflow-runs/${run.id}/cancel`, {}, { key: 'cancel' });
    expect(repeated.status).toBe(202);
    expect(repeated.headers.get('idempotency-replayed')).toBe('true');
  });
});
