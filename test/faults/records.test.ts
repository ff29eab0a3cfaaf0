/** H: task runs, versions, labels, archives, logs that are written by several at once. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { TaskRunFacts } from '../../adapters/spi/facts.js';
import { storeTaskRuns } from '../../src/reconcile/store-task-runs.js';
import { created, Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

let stage: Stage;
let held: number;

beforeAll(async () => {
  stage = await Stage.start();
  held = await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
  await stage.workflow('other', { id: 'only', duration_ms: 'hold' });
});
afterEach(() => stage.engine.controls.removeRules());
afterAll(() => stage.close());

test('F64: a hundred observers that store the same task run at once make one row of it', async () => {
  const id = await stage.runs.startVersion(held);
  const run = await stage.runs.reaches(id, 'RUNNING');
  const facts: TaskRunFacts[] = [
    { task: 'only', state: 'RUNNING', attempt: 2, attempts: [1, 2].map((attempt) => ({ attempt, state: 'RUNNING' })) },
  ];
  await Promise.all(
    Array.from({ length: 100 }, () =>
      stage.app.database.transaction((db) => storeTaskRuns(db, run, facts, new Date())),
    ),
  );
  expect(await numbers('SELECT count(*) AS n FROM task_runs WHERE workflow_run_id = $1', id)).toEqual([1]);
  const attempts = `SELECT a.attempt AS n FROM task_attempts a JOIN task_runs t ON t.id = a.task_run_id
                    WHERE t.workflow_run_id = $1 ORDER BY 1`;
  expect(await numbers(attempts, id)).toEqual([1, 2]);
});

test('F65: tasks of one title in two workflows keep to their own', async () => {
  const ids = await Promise.all(
    ['held', 'other'].map(async (title) => (await stage.api.post('/workflow-runs', { workflow: { title } })).body.id),
  );
  for (const id of ids) {
    const run = await stage.runs.reaches(id, 'RUNNING');
    await until(
      async () => (await stage.api.get(`/workflow-runs/${id}/task-runs`)).body.items.length,
      (count) => count === 1,
    );
    const parents = `SELECT t.workflow_id AS n FROM task_runs x JOIN tasks t ON t.id = x.task_id WHERE x.workflow_run_id = $1`;
    expect(await numbers(parents, id)).toEqual([run.workflowId]);
  }
});

test('F66: twenty at once that store one workflow get the versions one to twenty', async () => {
  const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
  const body = { title: 'crowded', workflow_engine: 'se', definition_format: 'native', definition };
  const answers = await Promise.all(Array.from({ length: 20 }, () => stage.api.post('/workflows', body)));
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 201));
  const versions = answers.map((answer) => Number(answer.body.version)).sort((a, b) => a - b);
  expect(versions).toEqual(versions.map((_, index) => index + 1));
});

test('F68: no selector, whatever it holds, finds runs of another project', async () => {
  const other = stage.api.as({ project: 'other' });
  const labels = [
    { key: 'team', value: 'ml' },
    { key: 'odd', value: '100%_a' },
  ];
  const definition = JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] });
  const own: number[] = [];
  for (const api of [stage.api, other]) {
    const body = { title: 'labelled', workflow_engine: 'se', definition_format: 'native', definition };
    expect((await api.post('/workflows', body)).status).toBe(201);
    own.push(created(await api.post('/workflow-runs', { workflow: { title: 'labelled' }, labels })).id);
  }
  const term = fc.oneof(
    fc.constantFrom(
      'team',
      '!team',
      'team=ml',
      'team!=ml',
      'team in (ml,%)',
      'odd=100%_a',
      'odd notin (a)',
      "a='",
      '%',
    ),
    fc.string({ maxLength: 12 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(term, { maxLength: 4 }), async (terms) => {
      const selector = encodeURIComponent(terms.join(','));
      const { status, body } = await other.get(`/workflow-runs?label_selector=${selector}`);
      expect([200, 422]).toContain(status);
      if (status === 200) for (const run of body.items) expect(run.id).toBe(own[1]);
    }),
    { numRuns: form(60, 2_000) },
  );
  const nul = await other.post('/workflow-runs', {
    workflow: { title: 'labelled' },
    labels: [{ key: 'a', value: 'b\0c' }],
  });
  expect(nul.status).toBe(422);
  const many = Array.from({ length: 10_000 }, (_, index) => ({ key: 'many', value: String(index) }));
  expect((await other.post('/workflow-runs', { workflow: { title: 'labelled' }, labels: many })).status).toBe(422);
}, 60_000);

test('F69: two that change the labels of one run lose nothing of each other', async () => {
  const id = await stage.runs.startVersion(held);
  const rounds = form(25, 1_000);
  const writer = async (name: string): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const add = [{ key: name, value: String(round) }];
      const remove = round === 0 ? [] : [{ key: name, value: String(round - 1) }];
      const { status } = await stage.api.patch(`/workflow-runs/${id}/labels`, { add, remove });
      expect(status).toBe(200);
    }
  };
  await Promise.all([writer('left'), writer('right')]);
  const { body } = await stage.api.get(`/workflow-runs/${id}`);
  expect(body.labels).toEqual(['left', 'right'].map((key) => ({ key, value: String(rounds - 1) })));
}, 60_000);

test('F70: a log that the engine forgot is 410 with the reason; one cut off in the middle is not shown as whole', async () => {
  const id = await stage.runs.startVersion(await stage.workflow('logging', { id: 'only', log: ['one', 'two'] }));
  const run = await stage.runs.ended(id);
  const { body } = await stage.api.get(`/workflow-runs/${id}/task-runs`);
  const path = `/workflow-runs/${id}/task-runs/${body.items[0]?.id}/logs?attempt=1`;
  expect((await stage.api.get(path)).text).toContain('one');
  stage.engine.controls.addRule({ verb: 'logs', effect: { do: 'garble', shape: 'short-body' }, times: 1 });
  const cut = await stage.api.get(path);
  expect(cut.status).toBeGreaterThanOrEqual(500);
  stage.engine.controls.forget(run.execution.key);
  const gone = await stage.api.get(path);
  expect([gone.status, typeof gone.body.detail]).toEqual([410, 'string']);
});

test('F71: archiving a workflow while runs of it are begun leaves either of them out, and no run without its version', async () => {
  for (let round = 0; round < form(3, 50); round++) {
    const title = `archived-${round}`;
    const version = await stage.workflow(title, { id: 'only', duration_ms: 'hold' });
    const started = Array.from({ length: 10 }, () => stage.api.post('/workflow-runs', { workflow: { title } }));
    const archived = await stage.api.delete(`/workflows/${title}/1`);
    const answers = await Promise.all(started);
    const ids = answers.filter((answer) => answer.status === 201).map((answer) => answer.body.id);
    expect([204, 409]).toContain(archived.status);
    expect(answers.every((answer) => [201, 404].includes(answer.status))).toBe(true);
    // Not archived while one was active, and none begun after it was.
    expect(archived.status === 204 ? ids.length === 0 : ids.length > 0).toBe(true);
    for (const id of ids) expect((await stage.runs.record(id)).workflowId).toBe(version);
  }
});

async function numbers(text: string, id: number): Promise<number[]> {
  const { rows } = await stage.app.database.query<{ n: number }>({ text, values: [id] });
  return rows.map((row) => row.n);
}
