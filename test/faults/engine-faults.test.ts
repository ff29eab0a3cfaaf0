/** Faults between Signalbox and an engine, by their number in the catalogue; the engine is the scripted one. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { until } from '../support/until.js';

let engine: ScriptedEngine;
let app: TestApp;
let runs: CoreRuns;
/** Versions the engine has taken in: a task that ends at once, one that is held, one that fails once. */
let atOnce: number;
let held: number;
let failingOnce: number;

beforeAll(async () => {
  engine = await startScriptedEngine();
  app = await startTestApp({
    env: {
      ENGINE_TIMEOUT: '1s',
      RECONCILE_INTERVAL: '1s',
      ENGINE_MISSING_GRACE: '2s',
      SUBMIT_GRACE: '3s',
      CANCEL_GRACE: '2s',
    },
    engines: {
      kinds: [scriptedEngineKind],
      entries: [{ name: 'se', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 1_000 }],
    },
  });
  runs = new CoreRuns(app, 'se');
  atOnce = await runs.storeReady('at-once', JSON.stringify({ tasks: [{ id: 'only' }] }));
  held = await runs.storeReady('held', JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] }));
  failingOnce = await runs.storeReady('failing-once', JSON.stringify({ tasks: [{ id: 'only', failing_attempts: 1 }] }));
});
afterEach(async () => {
  engine.controls.removeRules();
  engine.controls.conduct({});
  await engine.controls.up();
});
afterAll(async () => {
  await app.close();
  await engine.close();
});

/** Executions the engine ever made under the keys of this run. */
function totalCalls(): number {
  return Object.values(engine.controls.calls()).reduce((sum, count) => sum + count, 0);
}

function created(token: string): number {
  return Object.entries(engine.controls.created())
    .filter(([key]) => key.includes(token))
    .reduce((sum, [, count]) => sum + count, 0);
}

test('F37: a registration is driven until the engine is ready, and the run follows', async () => {
  const id = await runs.start('parsed-later', JSON.stringify({ tasks: [{ id: 'only' }], parse_ms: 300 }));
  expect((await runs.record(id)).stateReason).toBe('registration-pending');
  const run = await runs.ended(id);
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F67: a definition the engine refuses fails its runs with the reason', async () => {
  const id = await runs.start('refused', JSON.stringify({ tasks: [], parse_error: 'line 3: no such operator' }));
  const run = await runs.ended(id);
  expect(run).toMatchObject({ state: 'FAILED', failure: { code: 'registration-failed' } });
  expect(created(run.token)).toBe(0);
});

test('rule 1: the intent is committed before the engine hears of the run', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'hold' }, times: 1 });
  const before = engine.controls.calls().submit ?? 0;
  const id = await runs.startVersion(atOnce);
  await until(
    () => Promise.resolve(engine.controls.calls().submit ?? 0),
    (calls) => calls > before,
  );
  const { execution, leaseToken } = await runs.record(id);
  expect(execution).toMatchObject({ outcome: 'in_flight', attemptedAt: expect.any(Date) });
  expect(leaseToken).not.toBeNull();
  engine.controls.removeRules();
  expect((await runs.ended(id)).state).toBe('COMPLETED');
});

test('F19, F27: an answer that was lost after the engine acted is looked up by key, not sent blindly', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'lose-answer' }, times: 1 });
  const run = await runs.ended(await runs.startVersion(atOnce));
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F27: a time-out after the engine acted is looked up by key', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'delay-answer', ms: 3_000 }, times: 1 });
  const run = await runs.ended(await runs.startVersion(atOnce));
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F28: a request that a proxy doubled makes one execution', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'duplicate' }, times: 1 });
  const run = await runs.ended(await runs.startVersion(atOnce));
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F26: an engine that is down keeps the run PENDING with the cause, and gets it once when it is back', async () => {
  await engine.controls.down();
  const id = await runs.startVersion(atOnce);
  const waiting = await until(
    () => runs.record(id),
    (run) => run.stateReason === 'engine-unavailable',
  );
  expect(waiting).toMatchObject({ state: 'PENDING', execution: { outcome: 'none' } });
  await engine.controls.up();
  const run = await runs.ended(id);
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F30: a conflict that is not ours is no success and no end', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'answer', status: 409 }, times: 2 });
  const run = await runs.ended(await runs.startVersion(atOnce));
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F31: our key with other content on the engine fails the run and says so', async () => {
  await engine.controls.down();
  const id = await runs.startVersion(atOnce);
  engine.controls.plant((await runs.record(id)).execution.key);
  await engine.controls.up();
  expect(await runs.ended(id)).toMatchObject({ state: 'FAILED', failure: { code: 'engine-conflict' } });
});

test('F32: a garbled answer to a submit is an unknown outcome, found by key', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'garble', shape: 'html' }, times: 1 });
  const run = await runs.ended(await runs.startVersion(atOnce));
  expect(run.state).toBe('COMPLETED');
  expect(created(run.token)).toBe(1);
});

test('F33: 429 with Retry-After is honoured for the whole engine', async () => {
  const id = engine.controls.addRule({ effect: { do: 'answer', status: 429, headers: { 'retry-after': '2' } } });
  const before = engine.controls.calls().submit ?? 0;
  const asked = totalCalls();
  const run = await runs.startVersion(atOnce);
  // The submit, or a look at the engine's health that came first: either is told to stay away.
  await until(
    async () => totalCalls(),
    (count) => count > asked,
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect((engine.controls.calls().submit ?? 0) - before).toBeLessThanOrEqual(3);
  engine.controls.removeRules(id);
  expect((await runs.ended(run)).state).toBe('COMPLETED');
});

test('F34: a rotated credential fails no run; the engine is shown UNAUTHORIZED', async () => {
  engine.controls.addRule({ effect: { do: 'answer', status: 401 } });
  const id = await runs.startVersion(atOnce);
  await until(
    () => health(),
    (state) => state === 'UNAUTHORIZED',
  );
  expect((await runs.record(id)).state).toBe('PENDING');
  engine.controls.removeRules();
  expect((await runs.ended(id)).state).toBe('COMPLETED');
});

test('F46: a word we do not know keeps the last state', async () => {
  const id = await runs.startVersion(held);
  const { execution } = await runs.reaches(id, 'RUNNING');
  engine.controls.show(execution.key, 'brand_new_state');
  await app.app.nest.get(Reconciler).pass();
  expect((await runs.record(id)).state).toBe('RUNNING');
  engine.controls.show(execution.key);
  engine.controls.finish(execution.key);
  expect((await runs.ended(id)).state).toBe('COMPLETED');
});

test('F47: an engine that runs again after the end is listed as drift; the state does not move', async () => {
  const id = await runs.startVersion(atOnce);
  const run = await runs.ended(id);
  engine.controls.show(run.execution.key, 'running');
  await until(
    async () => {
      await app.app.nest.get(Reconciler).pass();
      const { rows } = await app.database.query<{ kind: string }>({
        text: 'SELECT kind FROM drift WHERE workflow_run_id = $1',
        values: [id],
      });
      return rows;
    },
    (rows) => rows.length === 1,
  );
  expect((await runs.record(id)).state).toBe('COMPLETED');
});

test('F50: a run cancelled while its engine is down never reaches it', async () => {
  await engine.controls.down();
  const id = await runs.startVersion(atOnce);
  await until(
    () => runs.record(id),
    (run) => run.stateReason === 'engine-unavailable',
  );
  await runs.request(id, 'CANCEL');
  const run = await runs.ended(id);
  expect(run.state).toBe('CANCELLED');
  await engine.controls.up();
  await app.app.nest.get(Reconciler).pass();
  expect(created(run.token)).toBe(0);
});

test('F52: a cancel while the engine is down is accepted, said to be overdue, and applied later', async () => {
  const id = await runs.startVersion(held);
  await runs.reaches(id, 'RUNNING');
  await engine.controls.down();
  expect(await runs.request(id, 'CANCEL')).toBe('accepted');
  await until(
    () => runs.record(id),
    (run) => run.stateReason === 'cancel-overdue',
  );
  await engine.controls.up();
  expect((await runs.ended(id)).state).toBe('CANCELLED');
});

test('F29: a submit that arrives after the cancel was concluded is cancelled on sight', async () => {
  engine.controls.addRule({ verb: 'submit', effect: { do: 'hold' }, times: 1 });
  const id = await runs.startVersion(held);
  await until(
    () => runs.record(id),
    (run) => run.execution.outcome === 'in_flight',
  );
  await runs.request(id, 'CANCEL');
  const run = await runs.ended(id);
  expect(run).toMatchObject({ state: 'CANCELLED', verdict: { reason: 'never-seen-on-engine' } });
  engine.controls.removeRules();
  await until(
    async () => {
      await app.app.nest.get(Reconciler).pass();
      return engine.controls.journal({ verb: 'cancel', key: run.execution.key });
    },
    (entries) => entries.length > 0,
  );
  expect((await runs.record(id)).state).toBe('CANCELLED');
});

test('F54: twenty retries at once make one new generation', async () => {
  const id = await runs.startVersion(failingOnce);
  expect((await runs.ended(id)).state).toBe('FAILED');
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => runs.request(id, 'RETRY')));
  const accepted = answers.filter((one) => one.status === 'fulfilled' && one.value === 'accepted');
  expect(accepted).toHaveLength(1);
  const run = await runs.ended(id);
  expect(run).toMatchObject({ generation: 2, state: 'COMPLETED' });
  expect(created(run.token)).toBe(1);
});

test('F56: a retry whose answer was lost is looked at, and happens once', async () => {
  const id = await runs.startVersion(failingOnce);
  await runs.ended(id);
  engine.controls.addRule({ verb: 'retry', effect: { do: 'lose-answer' }, times: 1 });
  await runs.request(id, 'RETRY');
  const run = await runs.ended(id);
  expect(run.state).toBe('COMPLETED');
  expect(
    engine.controls
      .journal({ verb: 'retry', key: run.execution.key })
      .filter((entry) => entry.did.startsWith('cleared')),
  ).toHaveLength(1);
});

test('F38: one execution that is gone ends its run after the grace; a wiped engine ends none', async () => {
  const kept = await runs.startVersion(held);
  const lost = await runs.startVersion(held);
  await runs.reaches(kept, 'RUNNING');
  const { execution } = await runs.reaches(lost, 'RUNNING');
  engine.controls.forget(execution.key);
  expect(await runs.ended(lost)).toMatchObject({ state: 'FAILED', failure: { code: 'engine-run-missing' } });
  engine.controls.wipe();
  await until(
    () => health(),
    (state) => state === 'SUSPECT',
  );
  await until(
    () => runs.record(kept),
    (run) => run.absences >= 5,
  );
  expect(await runs.record(kept)).toMatchObject({ state: 'RUNNING', stateReason: 'engine-suspect' });
});

async function health(): Promise<string | undefined> {
  const { rows } = await app.database.query<{ state: string }>({ text: 'SELECT health_state AS state FROM engines' });
  return rows[0]?.state;
}
