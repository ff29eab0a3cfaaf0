/** What a worker may still write about a run that others have changed since it planned: on the real database. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { storePlainRun, storePlainWorkflow } from '../../test/support/plain-workflow.js';
import { facts } from '../../test/support/run-records.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import { moveRuns } from '../lifecycle/move-runs.js';
import { refold } from '../lifecycle/refold.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { readRunRecord } from '../lifecycle/run-store.js';
import { KillPoints } from '../platform/kill-points.js';
import type { Log } from '../platform/log.js';
import { claimDueRuns } from './claim-due-runs.js';
import { giveUp } from './give-up.js';
import type { Step } from './next-step.js';
import type { ObserveStep } from './observe-step.js';
import { SteerSteps } from './steer-steps.js';
import { Visit } from './visit.js';
import { VisitStore } from './visit-store.js';

const LEASE_MS = 15_000;
const REST: Step = { do: 'rest', dueInMs: null, why: 'nothing is due' };

let db: TestDatabase;
let workflowId: number;

beforeAll(async () => {
  db = await createTestDatabase();
  workflowId = await storePlainWorkflow(db.database, 'p');
});
afterAll(() => db.drop());

async function claimed(next: (run: RunRecord) => Step = () => REST): Promise<Visit> {
  await storePlainRun(db.database, { project: 'p', workflowId });
  const { token, runs } = await claimDueRuns(db.database, 'e', 1, LEASE_MS);
  if (!runs[0]) throw new Error('nothing was claimed');
  return new Visit(new VisitStore(db.database), runs[0], token, LEASE_MS, next);
}

/** What somebody else makes of the run meanwhile. */
async function changed(id: number, change: (run: RunRecord) => Partial<RunRecord>): Promise<void> {
  const run = await stored(id);
  const { record } = refold(run, { ...run, ...change(run) }, { type: 'STATE', source: 'engine' });
  await moveRuns(db.database, [{ before: run, after: record, events: [] }]);
}

async function stored(id: number): Promise<RunRecord> {
  const run = await readRunRecord(db.database, id);
  if (!run) throw new Error('no run');
  return run;
}

const seen = (run: RunRecord, phase: 'running' | 'succeeded'): Partial<RunRecord> => ({
  observed: facts({ phase }),
  execution: { ...run.execution, outcome: 'known' },
});

test('a late answer leaves what is planned after the end: the visit that corrects inferred tasks', async () => {
  const visit = await claimed();
  const { id } = visit.run;
  await changed(id, (run) => seen(run, 'succeeded'));
  const plan = new Date('2030-01-01T00:00:00.000Z');
  await db.database.query({
    text: 'UPDATE workflow_runs SET next_action_at = $2, version = version + 1 WHERE id = $1',
    values: [id, plan],
  });
  await visit.write((run) => ({ execution: { ...run.execution, cancelMode: 'graceful' } }));
  expect(visit.wrote).toBe(true);
  expect(await stored(id)).toMatchObject({
    state: 'COMPLETED',
    nextActionAt: plan,
    execution: { cancelMode: 'graceful' },
  });
});

test('whoever visits a run after its end gives it back with nothing due', async () => {
  const visit = await claimed();
  const { id } = visit.run;
  const token = randomUUID();
  await changed(id, (run) => seen(run, 'succeeded'));
  await db.database.query({
    text: `UPDATE workflow_runs SET next_action_at = now(), lease_token = $2, lease_until = now() + interval '1 minute',
             version = version + 1 WHERE id = $1`,
    values: [id, token],
  });
  const own = new Visit(
    new VisitStore(db.database),
    { run: await stored(id), parts: undefined },
    token,
    LEASE_MS,
    () => REST,
  );
  await own.write(() => ({}));
  expect(own.held).toBe(false);
  expect(await stored(id)).toMatchObject({ nextActionAt: null, leaseToken: null });
});

test('a verdict is asked of the record as it is now, not as it was planned on', async () => {
  const unseen = { do: 'give-up-cancelled', tombstoneMs: 1, why: 'never seen' } as const;
  const visit = await claimed((run) => (run.observed === null ? unseen : REST));
  const { id } = visit.run;
  expect(visit.plan()).toBe(unseen);
  await changed(id, (run) => seen(run, 'running'));
  await giveUp(visit, unseen);
  expect(await stored(id)).toMatchObject({ state: 'RUNNING', verdict: null });
});

test.each<{ reason: string; answer: () => Promise<unknown> }>([
  { reason: 'that the run has ended', answer: () => Promise.resolve({ outcome: 'already-final' }) },
  { reason: 'that nothing was sent', answer: () => Promise.reject(new EngineError('unavailable', 'held back')) },
])('a worker that lost its run learns $reason and takes back no cancel of the next one', async ({ answer }) => {
  const visit = await claimed();
  const { id } = visit.run;
  await visit.write((run) => ({ ...seen(run, 'running'), desired: 'cancelled' }), { keep: true });
  // While its call was held back its lease ended, and another worker sent the cancel.
  const call = async (): Promise<unknown> => {
    await changed(id, (run) => ({
      leaseToken: randomUUID(),
      execution: { ...run.execution, cancelMode: 'graceful' },
    }));
    return answer();
  };
  const engine = { name: 'e', gateway: { call } } as unknown as Engine;
  const log = { warn: () => undefined } as unknown as Log;
  const steps = new SteerSteps({} as ObserveStep, { cancelGraceMs: 60_000 } as Config, log, new KillPoints());
  await steps.cancel(engine, visit, 'graceful');
  const { cancelSentAt, cancelMode } = (await stored(id)).execution;
  expect([cancelSentAt, cancelMode]).toEqual([expect.any(Date), 'graceful']);
});
