import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { CoreRuns } from '../../test/support/core-runs.js';
import { MemoryEngine } from '../../test/support/memory-engine.js';
import { until } from '../../test/support/until.js';
import { Engines, type Engine } from '../engines/engines.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { readRunRecords } from '../lifecycle/run-store.js';
import { ROLES } from '../roles.js';
import { claimDueRuns } from './claim-due-runs.js';
import { makeDriveLane, type DriveLane } from './drive-lane.js';
import { RunDriver } from './run-driver.js';

const engine = new MemoryEngine('memory');
let app: TestApp;
let runs: CoreRuns;
beforeAll(async () => {
  const entries = [{ name: 'memory', kind: 'memory', options: {}, callsPerSecond: 1000 }];
  app = await startTestApp({
    roles: ROLES.api,
    env: { ENGINE_SLOTS: '1', ENGINE_TIMEOUT: '10s', LEASE: '10300ms' },
    engines: { kinds: [engine.kind()], entries },
  });
  runs = new CoreRuns(app, 'memory');
});
afterAll(() => app.close());

let lane: DriveLane;
let giveSlotBack: () => void;
let drives: Promise<unknown>[];
beforeEach(async () => {
  await app.database.query({ text: 'TRUNCATE workflow_runs CASCADE' });
  lane = makeDriveLane(app.database, memory());
  const release = await lane.slots.take();
  if (!release) throw new Error('the only slot is free');
  giveSlotBack = release;
  engine.calls = [];
  drives = [];
});
afterEach(async () => {
  lane.prepared.close();
  lane.slots.close();
  await Promise.all(drives);
});

/** Runs that are driven while another call has the only slot; waits until as many intents are stored as may be. */
async function waiting(count: number): Promise<number[]> {
  const graph = { tasks: [{ title: 'load', downstream: [] }] };
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(await runs.start(`waiting-${Math.random()}`, 'load', graph));
  const { token, runs: due } = await claimDueRuns(app.database, 'memory', 100, 15_000);
  drives = due.map((run) => app.app.nest.get(RunDriver).drive(memory(), run, token, lane));
  await until(
    () => records(ids),
    (found) => found.some(isInFlight),
  );
  return ids;
}

const memory = (): Engine => app.app.nest.get(Engines).require('memory');
const records = (ids: number[]): Promise<RunRecord[]> => readRunRecords(app.database, ids);
const isInFlight = (run: RunRecord): boolean => run.execution.outcome === 'in_flight';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('an intent is stored while the slots are taken, and the call follows when one is free', async () => {
  const [id = 0] = await waiting(1);
  expect(engine.calls).not.toContain('submit');
  giveSlotBack();
  await Promise.all(drives);
  expect(engine.calls.filter((verb) => verb === 'submit')).toHaveLength(1);
  expect((await records([id]))[0]?.execution).toMatchObject({ outcome: 'known' });
});

test('no more intents are stored than may be ready for a slot', async () => {
  const ids = await waiting(3);
  await pause(200);
  expect((await records(ids)).filter(isInFlight)).toHaveLength(1);
  giveSlotBack();
  await Promise.all(drives);
  expect(engine.calls.filter((verb) => verb === 'submit')).toHaveLength(3);
});

test('a process that stops takes back the intent that no call followed', async () => {
  const ids = await waiting(2);
  lane.prepared.close();
  lane.slots.close();
  await Promise.all(drives);
  expect(engine.calls).not.toContain('submit');
  for (const run of await records(ids)) {
    expect(run.execution).toMatchObject({ outcome: 'none', attemptedAt: null, firstAttemptedAt: null });
    expect(run).toMatchObject({ state: 'PENDING', leaseToken: null, failures: 0 });
    expect(run.nextActionAt).not.toBeNull();
  }
});

test('an intent that waited long is asked for again: a run cancelled meanwhile never reaches its engine', async () => {
  const [id = 0] = await waiting(1);
  await runs.request(id, 'CANCEL');
  await pause(1_200);
  giveSlotBack();
  await Promise.all(drives);
  expect(engine.calls).not.toContain('submit');
  // Nothing was sent, so nothing is looked for.
  expect((await records([id]))[0]).toMatchObject({
    state: 'CANCELLED',
    leaseToken: null,
    execution: { outcome: 'none' },
  });
});

test('an intent that waited long and is held meanwhile is taken back, and the run says that its submit is held', async () => {
  const [id = 0] = await waiting(1);
  await runs.request(id, 'PAUSE');
  await pause(1_200);
  giveSlotBack();
  await Promise.all(drives);
  expect(engine.calls).not.toContain('submit');
  expect((await records([id]))[0]).toMatchObject({
    state: 'PAUSED',
    stateReason: 'submit-held',
    leaseToken: null,
    execution: { outcome: 'none' },
  });
});

test('an intent whose lease would end within the call is committed again', async () => {
  const [id = 0] = await waiting(1);
  const before = (await records([id]))[0]?.execution.attemptedAt?.getTime() ?? Infinity;
  await pause(500);
  giveSlotBack();
  await Promise.all(drives);
  const after = (await records([id]))[0]?.execution.attemptedAt?.getTime() ?? 0;
  expect(after - before).toBeGreaterThanOrEqual(400);
});
