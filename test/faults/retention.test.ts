/** H: runs that ended long ago are deleted, whatever dies in between. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { created, Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

/** More than one batch of them is old. */
const OLD = form(220, 1_100);
const KEPT = form(30, 300);

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.start();
  await stage.workflow('ends', { id: 'first' }, { id: 'second', needs: ['first'] });
  await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
});
afterAll(() => stage.close());

test('F72: a purge that dies in or after any batch is gone on with, leaves nothing of a run behind and takes no other run', async () => {
  const old = await endedRuns(OLD);
  const kept = await endedRuns(KEPT);
  const active = created(await stage.api.post('/workflow-runs', { workflow: { title: 'held' }, labels: [LABEL] })).id;
  await stage.runs.reaches(active, 'RUNNING');
  await stage.app.database.query({
    text: `UPDATE workflow_executions SET ended_at = now() - interval '2 days' WHERE workflow_run_id = ANY ($1)`,
    values: [old],
  });

  const env = { RUN_RETENTION: '1d', RECONCILE_INTERVAL: '200ms' };
  const deaths = ['retention.before-batch:2', 'retention.after-batch', 'retention.after-forget'];
  for (const point of deaths) {
    const doomed = stage.spawn('reconcile', { ...env, KILL_AT: point });
    expect([point, await doomed.exited]).toEqual([point, 'SIGKILL']);
    await expectNoOrphans();
  }
  await stage.process('reconcile', env);
  await until(
    () => count('SELECT count(*) AS n FROM workflow_runs WHERE id = ANY ($1)', [old]),
    (left) => left === 0,
  );
  await until(
    () => count('SELECT count(*) AS n FROM purged_executions'),
    (left) => left === 0,
  );
  await expectNoOrphans();

  const [gone] = old;
  expect((await stage.api.get(`/workflow-runs/${gone}`)).status).toBe(404);
  expect(await count('SELECT count(*) AS n FROM workflow_runs WHERE id = ANY ($1)', [[...kept, active]])).toBe(
    KEPT + 1,
  );
  expect(await count('SELECT count(*) AS n FROM workflow_run_labels WHERE workflow_run_id = ANY ($1)', [kept])).toBe(
    KEPT,
  );
  // Those that are kept are on the engine, those that are not are not.
  expect(stage.engine.controls.keys()).toHaveLength(KEPT + 1);
  expect((await stage.runs.record(active)).state).toBe('RUNNING');
}, 600_000);

const LABEL = { key: 'age', value: 'any' };

async function endedRuns(wanted: number): Promise<number[]> {
  const request = { workflow: { title: 'ends' }, labels: [LABEL] };
  const ids: number[] = [];
  while (ids.length < wanted) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => stage.api.post('/workflow-runs', request)));
    ids.push(...answers.map((answer) => created(answer).id));
  }
  await until(
    () => count('SELECT count(*) AS n FROM workflow_runs WHERE id = ANY ($1) AND finished_at IS NULL', [ids]),
    (open) => open === 0,
    300_000,
  );
  return ids;
}

/** The database holds most of it by foreign keys; what it does not hold is looked for. */
async function expectNoOrphans(): Promise<void> {
  for (const table of ['workflow_run_labels', 'workflow_executions', 'task_runs', 'lifecycle_events']) {
    const lost = await count(
      `SELECT count(*) AS n FROM ${table} x WHERE NOT EXISTS (SELECT FROM workflow_runs r WHERE r.id = x.workflow_run_id)`,
    );
    expect([table, lost]).toEqual([table, 0]);
  }
  // Whatever of a deleted run is on the engine is noted.
  const rows = await keys('SELECT key FROM workflow_executions UNION SELECT key FROM purged_executions');
  const unknown = stage.engine.controls.keys().filter((key) => !rows.has(key));
  expect(unknown).toEqual([]);
}

async function count(text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await stage.app.database.query<{ n: number }>({ text, values });
  return rows[0]?.n ?? 0;
}

async function keys(text: string): Promise<Set<string>> {
  const { rows } = await stage.app.database.query<{ key: string }>({ text });
  return new Set(rows.map((row) => row.key));
}
