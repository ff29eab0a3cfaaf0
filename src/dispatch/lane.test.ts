/** What a wake-up leads to, on the real database; nobody calls an engine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { storePlainRun, storePlainWorkflow } from '../../test/support/plain-workflow.js';
import { until } from '../../test/support/until.js';
import type { Engine } from '../engines/engines.js';
import { readRunRecord, type RunToDrive } from '../lifecycle/run-store.js';
import { Log } from '../platform/log.js';
import { Metrics } from '../platform/metrics.js';
import { Telemetry } from '../platform/telemetry.js';
import { Lane } from './lane.js';
import type { RunDriver } from './run-driver.js';

const ENGINE = { name: 'e', slots: 2, epoch: 'first', gateway: { closedForMs: () => 0 } } as unknown as Engine;
const NEVER_MS = 600_000;

let db: TestDatabase;
let workflowId: number;
beforeAll(async () => {
  db = await createTestDatabase();
  workflowId = await storePlainWorkflow(db.database, 'p');
});
afterAll(() => db.drop());

let lane: Lane;
let driven: Set<number>;
let inHand: Promise<void>;
let letGo: () => void;
beforeEach(async () => {
  await db.database.query({ text: 'DELETE FROM workflow_runs' });
  driven = new Set();
  inHand = new Promise<void>((resolve) => (letGo = resolve));
  lane = laneThatPolls(NEVER_MS);
});
afterEach(async () => {
  letGo();
  await lane.stop();
});

/** Whatever it drives stays in hand until the test lets it go. */
function laneThatPolls(pollMs: number): Lane {
  const driver = {
    drive(_engine: Engine, { run }: RunToDrive): Promise<void> {
      driven.add(run.id);
      return inHand;
    },
  };
  const telemetry = new Telemetry(new Log({ level: 'silent' }), new Metrics());
  return new Lane(ENGINE, db.database, driver as unknown as RunDriver, telemetry, { pollMs, leaseMs: 15_000 });
}

const newRun = (): Promise<number> => storePlainRun(db.database, { project: 'p', workflowId });
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

test.each<{ reason: string; told: (other: number, id: number) => (number | undefined)[] }>([
  { reason: 'a wish was told before it', told: (_other, id) => [undefined, id] },
  { reason: 'a wish was told after it', told: (_other, id) => [id, undefined] },
  { reason: 'another was told with it', told: (other, id) => [other, id] },
])('what else became due is not passed over for a new run: $reason', async ({ told }) => {
  const [other, id] = [await newRun(), await newRun()];
  for (const one of told(other, id)) lane.wake(one);
  lane.start();
  await isDriven(other);
  await isDriven(id);
  expect([await isClaimed(other), await isClaimed(id)]).toEqual([true, true]);
});

test('a new run does not put off the poll for what nobody told', async () => {
  const pollMs = 4_000;
  lane = laneThatPolls(pollMs);
  lane.start();
  await sleep(pollMs / 2);
  const told = await newRun();
  lane.wake(told);
  await isDriven(told);
  const since = performance.now();
  await isDriven(await newRun());
  expect(performance.now() - since).toBeLessThan((pollMs * 3) / 4);
});

test('a new run that is not for taking does not keep what is due from being claimed', async () => {
  const [other, gone] = [await newRun(), await newRun()];
  await db.database.query({ text: 'DELETE FROM workflow_runs WHERE id = $1', values: [gone] });
  lane.wake(gone);
  lane.start();
  await isDriven(other);
  expect(driven).toEqual(new Set([other]));
});
