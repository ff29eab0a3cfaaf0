/** Faults inside a run's life that need two hands at once, or an engine that answers late, twice or not at all. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { LifecycleRequests } from '../../src/lifecycle/lifecycle-requests.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { MemoryEngine, taskFacts } from '../support/memory-engine.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { until } from '../support/until.js';

let engine: ScriptedEngine;
let app: TestApp;
let runs: CoreRuns;
/** An engine that says what a test wants it to say. */
const memory = new MemoryEngine('memory', 'later');
let spoken: CoreRuns;
/** Versions the engine has taken in: a task that is held, and one that fails once. */
let held: number;
let failingOnce: number;

beforeAll(async () => {
  engine = await startScriptedEngine();
  app = await startTestApp({
    env: {
      ENGINE_TIMEOUT: '1s',
      RECONCILE_INTERVAL: '1s',
      ENGINE_MISSING_GRACE: '2s',
      SUBMIT_GRACE: '2s',
      REGISTER_TIMEOUT: '2s',
    },
    engines: {
      kinds: [scriptedEngineKind, memory.kind()],
      entries: [
        { name: 'se', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 1_000 },
        { name: 'memory', kind: 'memory', options: {}, callsPerSecond: 1_000 },
      ],
    },
  });
  spoken = new CoreRuns(app, 'memory');
  runs = new CoreRuns(app, 'se');
  held = await runs.storeReady('held', JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] }));
  failingOnce = await runs.storeReady('failing-once', JSON.stringify({ tasks: [{ id: 'only', failing_attempts: 1 }] }));
});
afterEach(async () => {
  engine.controls.removeRules();
  engine.controls.conduct({ stopDelayMs: 0 });
  await engine.controls.up();
});
afterAll(async () => {
  await app.close();
  await engine.close();
});

const pass = (): Promise<unknown> => app.app.nest.get(Reconciler).pass();

test('F54: a request that waited for another one to be stored is answered by what that one made of the run', async () => {
  const id = await runs.startVersion(failingOnce);
  await runs.ended(id);
  const requests = app.app.nest.get(LifecycleRequests);
  const retry = { project: 'default', runId: id, type: 'RETRY' } as const;
  let second: Promise<{ answer: string }> | undefined;
  await app.database.transaction(async (db) => {
    await requests.request({ ...retry, db });
    second = requests.request(retry);
    await until(
      async () => {
        const { rows } = await db.query<{ waiting: number }>({
          text: `SELECT count(*)::int AS waiting FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        });
        return rows[0]?.waiting ?? 0;
      },
      (waiting) => waiting > 0,
    );
  });
  await expect(second).resolves.toMatchObject({ answer: 'unchanged' });
});

/** A run whose held task was ended by hand, badly. */
async function failedByHand(): Promise<{ id: number; key: string }> {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.finish(execution.key, { well: false });
  expect((await runs.ended(id)).state).toBe('FAILED');
  return { id, key: execution.key };
}

test('a resume of a run that somebody paused on the engine reaches it', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.show(execution.key, 'suspended');
  await runs.reaches(id, 'PAUSED');
  expect(await runs.request(id, 'RESUME')).toBe('accepted');
  await until(
    async () => engine.controls.journal({ verb: 'resume', key: execution.key }),
    (entries) => entries.length > 0,
  );
  engine.controls.show(execution.key);
  await runs.reaches(id, 'RUNNING');
  engine.controls.finish(execution.key);
  expect((await runs.ended(id)).state).toBe('COMPLETED');
});

test('a cancel that was lost on its way is sent again', async () => {
  const id = await runs.startVersion(held);
  await runs.reaches(id, 'RUNNING');
  engine.controls.addRule({ verb: 'cancel', effect: { do: 'drop' }, times: 1 });
  await runs.request(id, 'CANCEL');
  expect((await runs.ended(id)).state).toBe('CANCELLED');
});

test('a cancel whose answer was lost counts: the run that it stopped is CANCELLED, not FAILED', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.addRule({ verb: 'cancel', effect: { do: 'lose-answer' }, times: 1 });
  engine.controls.conduct({ stopDelayMs: 60_000 });
  await runs.request(id, 'CANCEL');
  await until(
    async () => engine.controls.journal({ verb: 'cancel', key: execution.key }),
    (entries) => entries.length > 0,
  );
  // What an engine says of a run whose tasks it killed. The cancel is sent again, and told that all is over.
  engine.controls.show(execution.key, 'failed');
  expect((await runs.ended(id)).state).toBe('CANCELLED');
});

test('an execution that is gone is not asked for without a pause while its cancel waits', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.forget(execution.key);
  const before = engine.controls.journal({ verb: 'get', key: execution.key }).length;
  await runs.request(id, 'CANCEL');
  await runs.ended(id);
  expect(engine.controls.journal({ verb: 'get', key: execution.key }).length - before).toBeLessThan(30);
});

test('F29: a retry in place that arrives after its cancel was concluded is cancelled on sight, and nothing before it', async () => {
  const { id, key } = await failedByHand();
  engine.controls.addRule({ verb: 'retry', effect: { do: 'hold' }, times: 1 });
  await runs.request(id, 'RETRY');
  await until(
    () => runs.record(id),
    (run) => run.execution.outcome === 'unknown',
  );
  await runs.request(id, 'CANCEL');
  expect(await runs.ended(id)).toMatchObject({ state: 'CANCELLED', verdict: { reason: 'never-seen-on-engine' } });
  await pass();
  expect(await driftOf(id)).toEqual([]);
  engine.controls.removeRules();
  await until(
    async () => {
      await pass();
      return engine.controls.journal({ verb: 'cancel', key });
    },
    (entries) => entries.length > 0,
  );
  expect((await runs.record(id)).state).toBe('CANCELLED');
});

test('a run that somebody restarted on the engine is taken over by its retry, and not restarted once more', async () => {
  const { id, key } = await failedByHand();
  await fetch(`${engine.url}/executions/${key}/retry`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ round: 1 }),
  });
  await runs.request(id, 'RETRY');
  await runs.reaches(id, 'RUNNING');
  engine.controls.finish(key);
  expect(await runs.ended(id)).toMatchObject({ state: 'COMPLETED', generation: 2 });
  expect(engine.controls.journal({ verb: 'retry', key })).toHaveLength(1);
});

test('I11: a retry of what the engine no longer has ends after the grace, not at the first not-found', async () => {
  const { id, key } = await failedByHand();
  engine.controls.forget(key);
  await runs.request(id, 'RETRY');
  await until(
    () => runs.record(id),
    (run) => run.failures > 0,
  );
  expect((await runs.record(id)).state).toBe('RETRYING');
  expect(await runs.ended(id)).toMatchObject({ state: 'FAILED', failure: { code: 'engine-run-missing' } });
});

test('F40: a run whose facts the database refuses has its error recorded, and the others are updated', async () => {
  const version = await spoken.storeReady('one-task', 'only');
  const [bad = 0, good = 0] = [await spoken.startVersion(version), await spoken.startVersion(version)];
  for (const id of [bad, good]) {
    await spoken.reaches(id, 'SCHEDULED');
    await until(
      () => spoken.record(id),
      (run) => run.leaseToken === null && run.observed !== null,
    );
  }
  memory.say(bad, { phase: 'succeeded', taskRuns: [taskFacts('only', { attempt: -1, attempts: [] })] });
  memory.say(good, { phase: 'succeeded', taskRuns: [taskFacts('only')] });
  await pass();
  expect((await spoken.record(good)).state).toBe('COMPLETED');
  expect(await spoken.record(bad)).toMatchObject({
    state: 'SCHEDULED',
    readError: { code: 'observation-not-applied' },
  });
  memory.say(bad, { taskRuns: [taskFacts('only')] });
  expect((await spoken.ended(bad)).state).toBe('COMPLETED');
});

test('F45: a task run that a shifting list names twice is stored once', async () => {
  const id = await spoken.startVersion(await spoken.storeReady('twice', 'only'));
  await spoken.reaches(id, 'SCHEDULED');
  const older = taskFacts('only', { state: 'FAILED' });
  memory.say(id, { phase: 'succeeded', taskRuns: [older, taskFacts('only', { attempt: 2 }), older] });
  await spoken.ended(id);
  const { rows } = await app.database.query({
    text: 'SELECT state, attempt FROM task_runs WHERE workflow_run_id = $1',
    values: [id],
  });
  expect(rows).toEqual([{ state: 'COMPLETED', attempt: 2 }]);
});

test('F32: text that the database cannot hold ends no run and holds none up', async () => {
  const tasks = [{ id: 'only', outputs: { said: { value: 'a\u0000b\ud800' } } }];
  const id = await runs.start('odd-text', JSON.stringify({ tasks, outputs_of: 'only' }));
  expect(await runs.ended(id)).toMatchObject({ state: 'COMPLETED', outputs: { said: 'a\ufffdb\ufffd' } });
});

test('F22: a registration whose answer cannot be stored fails in time, with the reason, and its runs with it', async () => {
  const id = await spoken.start('same-title-twice', 'only\nonly');
  expect(await spoken.ended(id)).toMatchObject({ state: 'FAILED', failure: { code: 'registration-failed' } });
  const { rows } = await app.database.query({
    text: `SELECT registration_state AS state, diagnostics->0->>'code' AS code FROM workflows WHERE title = 'same-title-twice'`,
  });
  expect(rows).toEqual([{ state: 'FAILED', code: 'registration-timed-out' }]);
});

test('rule 9: a cancel of a task that names an older generation stops nothing of the newer one', async () => {
  const { id, key } = await failedByHand();
  await runs.request(id, 'RETRY');
  await runs.reaches(id, 'RUNNING');
  const { rows } = await app.database.query<{ id: number }>({
    text: `UPDATE task_runs SET state = 'RUNNING' WHERE workflow_run_id = $1 RETURNING id`,
    values: [id],
  });
  const cancel = async (generation: number): Promise<number> => {
    const response = await fetch(`${app.url}/v1/task-runs/${rows[0]?.id ?? 0}/lifecycle-events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'CANCEL', generation }),
    });
    return response.status;
  };
  expect(await cancel(1)).toBe(200);
  expect(engine.controls.journal({ verb: 'cancel-task', key })).toEqual([]);
  expect(await cancel(2)).toBe(202);
  await runs.ended(id);
});

test('F4: a key that has its answer tells the engine nothing again, for its own request and for another one', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  const { rows } = await app.database.query<{ id: number }>({
    text: 'SELECT id FROM task_runs WHERE workflow_run_id = $1',
    values: [id],
  });
  const api = new Api(app.url);
  const path = `/task-runs/${rows[0]?.id ?? 0}/lifecycle-events`;
  const told = (): number => engine.controls.journal({ verb: 'cancel-task', key: execution.key }).length;
  await api.patch(`/workflow-runs/${id}/labels`, { add: [{ key: 'a', value: 'b' }] }, { key: 'labels' });
  expect((await api.post(path, { type: 'CANCEL' }, { key: 'labels' })).body).toMatchObject({
    code: 'idempotency-key-reused',
  });
  expect(told()).toBe(0);
  const first = await api.post(path, { type: 'CANCEL' }, { key: 'once' });
  expect([first.status, told()]).toEqual([202, 1]);
  // As after a retry of the run: the same task could be cancelled again.
  await runs.ended(id);
  await runs.request(id, 'RETRY');
  await runs.reaches(id, 'RUNNING');
  await app.database.query({ text: `UPDATE task_runs SET state = 'RUNNING' WHERE workflow_run_id = $1`, values: [id] });
  const again = await api.post(path, { type: 'CANCEL' }, { key: 'once' });
  expect([again.status, again.text, told()]).toEqual([202, first.text, 1]);
  await runs.request(id, 'CANCEL');
  await runs.ended(id);
});

test('a retry of one task whose execution the engine lost is refused: it would become one of the whole run', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.forget(execution.key);
  expect(await runs.ended(id)).toMatchObject({ failure: { code: 'engine-run-missing' } });
  const request = { project: 'default', runId: id, type: 'RETRY', task: { task: 'only' } } as const;
  const requests = app.app.nest.get(LifecycleRequests);
  await expect(requests.request(request)).rejects.toMatchObject({ code: 'engine-cannot' });
  const { action } = await requests.request({ ...request, dryRun: true });
  expect(action).toMatchObject({ available: false, reason: expect.stringContaining('retry the whole run') });
  expect(await runs.record(id)).toMatchObject({ state: 'FAILED', generation: 1 });
});

async function driftOf(id: number): Promise<string[]> {
  const { rows } = await app.database.query<{ kind: string }>({
    text: 'SELECT kind FROM drift WHERE workflow_run_id = $1',
    values: [id],
  });
  return rows.map((row) => row.kind);
}
