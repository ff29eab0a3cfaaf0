/** What a wake-up leads to, on the real database; nothing is polled for here, and nobody calls an engine. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { storePlainWorkflow } from '../../test/support/plain-workflow.js';
import { until } from '../../test/support/until.js';
import type { Engine } from '../engines/engines.js';
import { readRunRecord, type RunToDrive } from '../lifecycle/run-store.js';
import { Log } from '../platform/log.js';
import { Metrics } from '../platform/metrics.js';
import { Telemetry } from '../platform/telemetry.js';
import { createRun } from '../workflow-runs/create-run.js';
import { Lane } from './lane.js';
import type { RunDriver } from './run-driver.js';

const ENGINE = { name: 'e', slots: 2, epoch: 'first', gateway: { closedForMs: () => 0 } } as unknown as Engine;
const OPTIONS = { pollMs: 600_000, leaseMs: 15_000 };

let db: TestDatabase;
let workflowId: number;
beforeAll(async () => {
  db = await createTestDatabase();
  workflowId = await storePlainWorkflow(db.database, 'p');
});
afterAll(() => db.drop());

let lane: Lane;
let driven: Set<number>;
let letGo: () => void;
beforeEach(async () => {
  await db.database.query({ text: 'DELETE FROM workflow_runs' });
  driven = new Set();
  const inHand = new Promise<void>((resolve) => (letGo = resolve));
  const driver = {
    drive(_engine: Engine, { run }: RunToDrive): Promise<void> {
      driven.add(run.id);
      return inHand;
    },
  };
  const telemetry = new Telemetry(new Log({ level: 'silent' }), new Metrics());
  lane = new Lane(ENGINE, db.database, driver as unknown as RunDriver, telemetry, OPTIONS);
});
afterEach(async () => {
  letGo();
  await lane.stop();
});

async function newRun(): Promise<number> {
  const run = { project: 'p', workflowId, parameters: {}, labels: [], staleAfterMs: 45_000 };
  return (await createRun(db.database, run))?.id ?? 0;
}

const isDriven = (id: number): Promise<boolean> =>
  until(
    () => Promise.resolve(driven.has(id)),
    (so) => so,
  );
const isClaimed = async (id: number): Promise<boolean> => (await readRunRecord(db.database, id))?.leaseToken !== null;

test('a new run that comes alone is driven as it was stored, without a claim', async () => {
  const id = await newRun();
  lane.wake(id);
  lane.start();
  await isDriven(id);
  expect(await isClaimed(id)).toBe(false);
});

test('a new run that comes while another is in hand is claimed', async () => {
  const [first, second] = [await newRun(), await newRun()];
  lane.wake(first);
  lane.start();
  await isDriven(first);
  lane.wake(second);
  await isDriven(second);
  expect(await isClaimed(second)).toBe(true);
});

test.each<{ reason: string; wake: (id: number) => void }>([
  { reason: 'a wish was told before it', wake: (id) => (lane.wake(), lane.wake(id)) },
  { reason: 'a wish was told after it', wake: (id) => (lane.wake(id), lane.wake()) },
  { reason: 'another was told with it', wake: (id) => (lane.wake(id - 1), lane.wake(id)) },
])('what else became due is not passed over for a new run: $reason', async ({ wake }) => {
  const [other, id] = [await newRun(), await newRun()];
  wake(id);
  lane.start();
  await isDriven(other);
  await isDriven(id);
  expect([await isClaimed(other), await isClaimed(id)]).toEqual([true, true]);
});

test('a new run that is not for taking does not keep what is due from being claimed', async () => {
  const [other, gone] = [await newRun(), await newRun()];
  await db.database.query({ text: 'DELETE FROM workflow_runs WHERE id = $1', values: [gone] });
  lane.wake(gone);
  lane.start();
  await isDriven(other);
  expect(driven).toEqual(new Set([other]));
});
