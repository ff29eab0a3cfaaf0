/** Faults inside a run's life that need two hands at once, or an engine that answers late, twice or not at all. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { LifecycleRequests } from '../../src/lifecycle/lifecycle-requests.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { until } from '../support/until.js';

let engine: ScriptedEngine;
let app: TestApp;
let runs: CoreRuns;
/** Versions the engine has taken in: a task that is held, and one that fails once. */
let held: number;
let failingOnce: number;

beforeAll(async () => {
  engine = await startScriptedEngine();
  app = await startTestApp({
    env: { ENGINE_TIMEOUT: '1s', RECONCILE_INTERVAL: '1s', ENGINE_MISSING_GRACE: '2s', SUBMIT_GRACE: '2s' },
    engines: {
      kinds: [scriptedEngineKind],
      entries: [{ name: 'se', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 1_000 }],
    },
  });
  runs = new CoreRuns(app, 'se');
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
