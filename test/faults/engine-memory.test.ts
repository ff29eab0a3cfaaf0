/** D, E: what an engine holds and what the record says differ: runs that vanish, stand still, or that nobody asked for. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
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
  stage = await Stage.start({
    roles,
    env: { ENGINE_MISSING_GRACE: '500ms', STUCK_AFTER: '1s', ORPHAN_INTERVAL: '100ms' },
  });
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

test('F38: a run the engine does not have is shown as it was last seen, and as stale until it is seen again', async () => {
  const [run] = await startHeld(1);
  const id = run?.id ?? 0;
  const key = run?.execution.key ?? '';
  await pass();
  stage.engine.controls.forget(key);
  const vanishedAt = Date.now();
  await pass();
  const { body: listed } = await stage.api.get('/workflow-runs?state=RUNNING');
  const inList = (listed['items'] ?? []).find((one) => one.id === id);
  // Once without asking the engine, once after a look of its own.
  for (const shown of [inList, (await stage.api.get(`/workflow-runs/${id}`)).body]) {
    expect(shown).toMatchObject({ state: 'RUNNING', stale: true, stale_cause: 'engine-run-absent' });
    expect(Date.parse(String(shown?.['observed_at']))).toBeLessThanOrEqual(vanishedAt);
  }

  stage.engine.controls.remember(key);
  await pass();
  const { body: seen } = await stage.api.get(`/workflow-runs/${id}`);
  expect(seen).toMatchObject({ state: 'RUNNING', stale: false });
  expect(Date.parse(String(seen['observed_at']))).toBeGreaterThan(vanishedAt);
  await stage.runs.request(id, 'CANCEL');
  await stage.runs.ended(id);
});

test('F38: a cancel is the way out for runs that somebody removed from the engine together', async () => {
  const runs = await startHeld(6);
  for (const run of runs) stage.engine.controls.forget(run.execution.key);
  await passesOver(runs, 3);
  expect(await health()).toMatchObject({ state: 'SUSPECT' });
  for (const { id } of runs) await stage.runs.request(id, 'CANCEL');
  for (const { id } of runs) {
    const ended = await until(
      async () => {
        await pass();
        return stage.runs.record(id);
      },
      ({ state }) => state !== 'CANCELLING',
    );
    expect(ended).toMatchObject({ state: 'CANCELLED', stateReason: 'gone-from-engine' });
  }
  await until(
    async () => {
      await pass();
      return health();
    },
    ({ state }) => state === 'UP',
  );
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
  expect(await metric('signalbox_stuck_workflow_runs{engine="se"}')).toBe(1);
  const { version } = await stage.runs.record(id);
  await pass();
  // What is said already costs no write.
  expect((await stage.runs.record(id)).version).toBe(version);

  stage.engine.controls.conduct({ stayQueued: false });
  const moved = await stage.runs.reaches(id, 'RUNNING');
  expect(moved).toMatchObject({ stateReason: null, lastError: null });
  expect(await metric('signalbox_stuck_workflow_runs{engine="se"}')).toBe(0);
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

test('F48: an execution of ours that no run knows is listed as drift, left alone, and resolved when it is gone', async () => {
  const { controls } = stage.engine;
  const [run] = await startHeld(1);
  const ours = { installation_id: await installationId() };
  const [orphan, other] = [runKey(newRunToken(), 1), runKey(newRunToken(), 1)];
  controls.plant(orphan, ours);
  controls.plant(other);
  // A generation the record does not have: the database came back from a backup.
  const later = run?.execution.key.replace(/-g1$/, '-g2') ?? '';
  controls.plant(later, ours);
  // A run that was deleted by age, whose execution the engine has yet to forget.
  const purged = runKey(newRunToken(), 1);
  controls.plant(purged, ours);
  await stage.app.database.query({
    text: `INSERT INTO purged_executions (workflow_engine, key, workflow_id) VALUES ('se', $1, $2)`,
    values: [purged, held],
  });
  await look();
  expect(await orphans()).toEqual([later, orphan].sort());
  const { body } = await stage.api.get('/admin/drift?kind=orphan&limit=1');
  expect(body['items']).toMatchObject([
    { kind: 'orphan', workflow_engine: 'se', detail: expect.stringContaining('the engine says success') },
  ]);
  const next = await stage.api.get(`/admin/drift?kind=orphan&limit=1&cursor=${String(body['next_cursor'])}`);
  const shown = [body, next.body].flatMap((page) => page['items'] ?? []);
  expect(shown.map((entry) => entry['external_id']).sort()).toEqual([later, orphan].sort());
  expect(next.body['next_cursor']).toBeUndefined();
  expect(await metric('signalbox_drift{engine="se",kind="orphan"}')).toBe(2);
  await look();
  expect(await orphans()).toEqual([later, orphan].sort());
  for (const key of [orphan, other, later]) {
    expect(controls.journal({ key }).map((entry) => entry.did)).toEqual(['planted']);
  }

  controls.forget(orphan);
  await look();
  expect(await orphans()).toEqual([later]);
  await stage.app.database.query({
    text: `INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) VALUES ($1, 2, $2, 'submit')`,
    values: [run?.id, later],
  });
  await look();
  expect(await orphans()).toEqual([]);
});

test('F48: what an engine made since the last look is read page by page, and nothing twice', async () => {
  await look();
  const ours = { installation_id: await installationId() };
  const keys = Array.from({ length: 1_150 }, () => runKey(newRunToken(), 1));
  for (const key of keys) stage.engine.controls.plant(key, ours);
  await look();
  // Ten pages of a hundred in one look, less what the last look read before; the rest in the next, without a pause.
  expect((await orphans()).length).toBeLessThan(keys.length);
  await look();
  expect(await orphans()).toEqual([...keys].sort());
  const before = stage.engine.controls.calls()['list-all'] ?? 0;
  await stage.app.database.query({ text: `UPDATE drift SET resolved_at = now() WHERE kind = 'orphan'` });
  await stage.app.database.query({ text: `UPDATE engines SET listed_until = listed_until + interval '1 minute'` });
  await look();
  expect((stage.engine.controls.calls()['list-all'] ?? 0) - before).toBe(1);
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

/** A pass after the interval between two looks for orphans. */
async function look(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 150));
  await pass();
}

async function orphans(): Promise<string[]> {
  const { rows } = await stage.app.database.query<{ key: string }>({
    text: `SELECT external_id AS key FROM drift WHERE kind = 'orphan' AND resolved_at IS NULL`,
  });
  return rows.map(({ key }) => key).sort();
}

async function installationId(): Promise<string> {
  const { rows } = await stage.app.database.query<{ id: string }>({ text: 'SELECT id FROM installation' });
  return rows[0]?.id ?? '';
}

async function metric(series: string): Promise<number> {
  const text = await (await fetch(`${stage.app.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.split(' ')[1] ?? 0);
}
