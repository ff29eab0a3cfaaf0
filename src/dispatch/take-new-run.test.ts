import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { storePlainRun, storePlainWorkflow } from '../../test/support/plain-workflow.js';
import type { Engine } from '../engines/engines.js';
import { readRunRecord } from '../lifecycle/run-store.js';
import { claimDueRuns, type Claim } from './claim-due-runs.js';
import { commitIntent } from './intent.js';
import type { Step } from './next-step.js';
import { takeNewRun } from './take-new-run.js';
import { VisitStore } from './visit-store.js';
import { Visit } from './visit.js';

const LEASE_MS = 15_000;
const ENGINE = { name: 'e', epoch: 'first' } as unknown as Engine;

let db: TestDatabase;
let workflowId: number;
beforeAll(async () => {
  db = await createTestDatabase();
  workflowId = await storePlainWorkflow(db.database, 'p');
});
afterAll(() => db.drop());
beforeEach(() => db.database.query({ text: 'DELETE FROM workflow_runs' }));

function visitOf(claim: Claim | undefined): Visit {
  if (!claim?.runs[0]) throw new Error('nothing was taken');
  return new Visit(new VisitStore(db.database), claim.runs[0], claim.token, LEASE_MS, (): Step => {
    throw new Error('nobody plans here');
  });
}

const newRun = (): Promise<number> => storePlainRun(db.database, { project: 'p', workflowId });
const take = (id: number): Promise<Claim | undefined> => takeNewRun(db.database, 'e', id, LEASE_MS);
const stored = (id: number): ReturnType<typeof readRunRecord> => readRunRecord(db.database, id);

test('a taken run is stored as it was until its intent is, and then under the lease', async () => {
  const id = await newRun();
  const visit = visitOf(await take(id));
  expect(await stored(id)).toMatchObject({ version: visit.run.version, leaseToken: null });
  expect(await visit.submissionParts()).toMatchObject({ definitionFormat: 'native' });
  expect(await commitIntent(ENGINE, visit)).toBe(true);
  const run = await stored(id);
  expect(run).toMatchObject({
    leaseToken: visit.run.leaseToken,
    execution: { outcome: 'in_flight', engineEpoch: 'first' },
  });
  expect(run?.leaseUntil).toEqual(new Date((run?.execution.attemptedAt?.getTime() ?? 0) + LEASE_MS));
  expect((await claimDueRuns(db.database, 'e', 10, LEASE_MS)).runs).toEqual([]);
});

test('of ten who took the same run one stores an intent', async () => {
  const id = await newRun();
  const visits = await Promise.all(Array.from({ length: 10 }, async () => visitOf(await take(id))));
  const stays = await Promise.all(visits.map((visit) => commitIntent(ENGINE, visit)));
  expect(stays.filter(Boolean)).toHaveLength(1);
  expect(visits.map((visit) => visit.held)).toEqual(stays);
});

test('who claims the run in between has it, and who took it stores nothing', async () => {
  const id = await newRun();
  const visit = visitOf(await take(id));
  const { token, runs } = await claimDueRuns(db.database, 'e', 10, LEASE_MS);
  expect(runs.map(({ run }) => run.id)).toEqual([id]);
  expect(await commitIntent(ENGINE, visit)).toBe(false);
  expect(visit.held).toBe(false);
  expect(await stored(id)).toMatchObject({ leaseToken: token, execution: { outcome: 'none' } });
});

test('a wish that comes in between is not passed over: the run stays due for a claim', async () => {
  const id = await newRun();
  const visit = visitOf(await take(id));
  await db.database.query({
    text: `UPDATE workflow_runs SET desired = 'cancelled', version = version + 1 WHERE id = $1`,
    values: [id],
  });
  expect(await commitIntent(ENGINE, visit)).toBe(false);
  expect(visit.held).toBe(false);
  expect((await claimDueRuns(db.database, 'e', 10, LEASE_MS)).runs.map(({ run }) => run.id)).toEqual([id]);
});

const RUN = 'UPDATE workflow_runs SET version = version + 1,';
const EXECUTION = `UPDATE workflow_executions SET outcome =`;
test.each([
  { reason: 'somebody holds it', change: `${RUN} lease_until = now() + interval '1 minute' WHERE id = $1` },
  { reason: 'it is due later', change: `${RUN} next_action_at = now() + interval '1 minute' WHERE id = $1` },
  { reason: 'nothing is due', change: `${RUN} next_action_at = NULL WHERE id = $1` },
  { reason: 'it may be on its engine', change: `${EXECUTION} 'in_flight' WHERE workflow_run_id = $1` },
  { reason: 'its engine knows it', change: `${EXECUTION} 'known' WHERE workflow_run_id = $1` },
  { reason: 'it is gone', change: 'DELETE FROM workflow_runs WHERE id = $1' },
])('a run is left to a claim where $reason', async ({ change }) => {
  const id = await newRun();
  await db.database.query({ text: change, values: [id] });
  expect(await take(id)).toBeUndefined();
});

test('a run of another engine is not taken', async () => {
  expect(await takeNewRun(db.database, 'other', await newRun(), LEASE_MS)).toBeUndefined();
});

test('who took a run and never had it writes nothing about it, whatever went wrong', async () => {
  const id = await newRun();
  const visit = visitOf(await take(id));
  const { token } = await claimDueRuns(db.database, 'e', 10, LEASE_MS);
  await visit.write((run) => ({ failures: run.failures + 1 }), { dueInMs: 1_000 });
  expect([visit.held, visit.wrote]).toEqual([false, false]);
  expect(await stored(id)).toMatchObject({ failures: 0, leaseToken: token });
});

test('a lease that has ended holds nobody off', async () => {
  const id = await newRun();
  await db.database.query({
    text: `${RUN} lease_until = now() - interval '1 second', lease_token = gen_random_uuid() WHERE id = $1`,
    values: [id],
  });
  expect(await commitIntent(ENGINE, visitOf(await take(id)))).toBe(true);
});
