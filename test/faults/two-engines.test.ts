/** E, G: one of several engines is slow, or one of several workers cannot reach it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ROLES } from '../../src/roles.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { QUICK_TIMES } from '../support/service-environment.js';
import { until } from '../support/until.js';

const NOBODY = 'http://127.0.0.1:1';
const ONE_TASK = { tasks: [{ title: 'only', downstream: [] }] };

let slow: ScriptedEngine;
let quick: ScriptedEngine;
let app: TestApp;

beforeAll(async () => {
  [slow, quick] = await Promise.all([startScriptedEngine(), startScriptedEngine()]);
  app = await startTestApp({
    env: { ...QUICK_TIMES, ENGINE_TIMEOUT: '6s', LEASE: '8s' },
    engines: at(slow.url, quick.url),
  });
});
afterAll(async () => {
  await app.close();
  await Promise.all([slow.close(), quick.close()]);
});

test('F49: a pass over an engine that takes four seconds a page makes no other engine wait, and does not overlap itself', async () => {
  const held = JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] });
  for (const engine of ['slow', 'quick']) {
    const runs = new CoreRuns(app, engine);
    await runs.reaches(await runs.start(`held-${engine}`, held, ONE_TASK), 'RUNNING');
  }
  slow.controls.addRule({ verb: 'list', effect: { do: 'delay-answer', ms: 4_000 } });
  const before = { slow: slow.controls.calls().list ?? 0, quick: quick.controls.calls().list ?? 0 };
  await until(
    async () => slow.controls.calls().list ?? 0,
    (calls) => calls > before.slow,
  );
  const began = performance.now();
  const passes = quick.controls.calls().list ?? 0;
  await until(
    async () => quick.controls.calls().list ?? 0,
    (calls) => calls >= passes + 2,
  );
  expect(performance.now() - began).toBeLessThan(3_500);
  expect(slow.controls.calls().list ?? 0).toBe(before.slow + 1);
  slow.controls.removeRules();
});

test('F61: a worker that sees the database and not the engine leaves the work to one that sees both', async () => {
  const blind = await startTestApp({
    databaseUrl: app.databaseUrl,
    roles: ROLES.worker,
    env: QUICK_TIMES,
    engines: at(NOBODY, NOBODY),
  });
  const runs = new CoreRuns(app, 'quick');
  const workflow = await runs.store('shared', JSON.stringify({ tasks: [{ id: 'only' }] }), ONE_TASK);
  const ids = await Promise.all(Array.from({ length: 20 }, () => runs.startVersion(workflow)));
  for (const id of ids) expect((await runs.ended(id)).state).toBe('COMPLETED');
  expect(Object.values(quick.controls.created()).every((count) => count === 1)).toBe(true);
  await blind.app.close();
}, 60_000);

function at(slowUrl: string, quickUrl: string): NonNullable<TestAppOptions['engines']> {
  const entry = (name: string, url: string) => ({
    name,
    kind: 'scripted',
    options: { url, registers: 'at-once' },
    callsPerSecond: 1_000,
  });
  return { kinds: [scriptedEngineKind], entries: [entry('slow', slowUrl), entry('quick', quickUrl)] };
}
