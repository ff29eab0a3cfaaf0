/** D, E: what an engine holds and what the record says differ: runs that vanish, stand still, or that nobody asked for. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

let stage: Stage;
let held: number;

beforeAll(async () => {
  // Passes are made by the tests: a verdict needs three, and time.
  const roles = { api: true, worker: true, reconcile: false };
  stage = await Stage.start({ roles, env: { ENGINE_MISSING_GRACE: '500ms', STUCK_AFTER: '1s' } });
  held = await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
});
afterEach(() => {
  stage.engine.controls.conduct({ stayQueued: false });
});
afterAll(() => stage.close());

test('F38: when many runs vanish at once no verdict is drawn and the engine is suspect; one alone is missing', async () => {
  const runs = await startHeld(form(8, 200));
  const [kept, ...vanished] = runs;
  for (const run of vanished) stage.engine.controls.forget(run.execution.key);
  await passesOver(vanished, 5);
  for (const { id } of vanished) {
    expect(await stage.runs.record(id)).toMatchObject({ state: 'RUNNING', stateReason: 'engine-suspect' });
  }
  expect(await health()).toMatchObject({ state: 'SUSPECT', detail: expect.stringContaining(String(vanished.length)) });
  // The sentinel was there all the time: the epoch has not changed.
  expect((await stage.runs.record(vanished[0]?.id ?? 0)).execution.engineEpoch).toBe(kept?.execution.engineEpoch);

  for (const { execution } of vanished) stage.engine.controls.remember(execution.key);
  await until(
    async () => {
      await pass();
      return health();
    },
    ({ state }) => state === 'UP',
  );
  for (const { id } of vanished) await stage.runs.request(id, 'CANCEL');
  for (const { id } of vanished) await stage.runs.ended(id);

  stage.engine.controls.forget(kept?.execution.key ?? '');
  const missing = await until(
    async () => {
      await pass();
      return stage.runs.record(kept?.id ?? 0);
    },
    (run) => run.state !== 'RUNNING',
  );
  expect(missing).toMatchObject({ state: 'FAILED', failure: { code: 'engine-run-missing' } });
}, 120_000);

test('F36: a run the engine accepts and never starts is said to be stuck, counted, and no longer so once it moves', async () => {
  stage.engine.controls.conduct({ stayQueued: true });
  const id = await stage.runs.startVersion(held);
  await stage.runs.reaches(id, 'SCHEDULED');
  const stuck = await until(
    async () => {
      await pass();
      return stage.runs.record(id);
    },
    (run) => run.stateReason !== null,
  );
  expect(stuck).toMatchObject({ state: 'SCHEDULED', stateReason: 'stuck: not-started' });
  expect((await stage.api.get(`/workflow-runs/${id}`)).body).toMatchObject({ state_reason: 'stuck: not-started' });
  expect(await stuckRuns()).toBe(1);
  const { version } = await stage.runs.record(id);
  await pass();
  // What is said already costs no write.
  expect((await stage.runs.record(id)).version).toBe(version);

  stage.engine.controls.conduct({ stayQueued: false });
  const moved = await stage.runs.reaches(id, 'RUNNING');
  expect(moved).toMatchObject({ stateReason: null, lastError: null });
  expect(await stuckRuns()).toBe(0);
  await stage.runs.request(id, 'CANCEL');
  await stage.runs.ended(id);
  await stage.check({ created: [id], unanswered: true });
});

test('F47: a run that goes on after its end is drift, however wrong the clock of its engine is', async () => {
  const [run] = await startHeld(1);
  const id = run?.id ?? 0;
  const key = run?.execution.key ?? '';
  stage.engine.controls.finish(key);
  await until(
    async () => {
      await pass();
      return stage.runs.record(id);
    },
    ({ state }) => state === 'COMPLETED',
  );
  // As an engine that is a day behind tells it.
  await stage.app.database.query({
    text: `UPDATE workflow_runs SET finished_at = finished_at - interval '1 day' WHERE id = $1`,
    values: [id],
  });
  stage.engine.controls.show(key, 'running');
  await pass();
  const { rows } = await stage.app.database.query<{ kind: string }>({
    text: 'SELECT kind FROM drift WHERE workflow_run_id = $1',
    values: [id],
  });
  expect(rows).toEqual([{ kind: 'state' }]);
});

async function startHeld(count: number): Promise<RunRecord[]> {
  const ids = await Promise.all(Array.from({ length: count }, () => stage.runs.startVersion(held)));
  return Promise.all(ids.map((id) => stage.runs.reaches(id, 'RUNNING')));
}

/** Passes until each of the runs was positively absent in so many of them, past the grace. */
async function passesOver(runs: RunRecord[], absences: number): Promise<void> {
  const began = Date.now();
  await until(
    async () => {
      await pass();
      return Promise.all(runs.map(({ id }) => stage.runs.record(id)));
    },
    (records) =>
      Date.now() - began > 1_000 && records.every((run) => run.absences >= absences || run.finishedAt !== null),
  );
}

async function pass(): Promise<void> {
  await stage.app.app.nest.get(Reconciler).pass();
}

async function health(): Promise<{ state: string; detail?: string }> {
  const { body } = await stage.api.get('/engines/se');
  return body?.['health'] ?? { state: 'unread' };
}

async function stuckRuns(): Promise<number> {
  const text = await (await fetch(`${stage.app.url}/metrics`)).text();
  return Number(/^signalbox_stuck_workflow_runs\{engine="se"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}
