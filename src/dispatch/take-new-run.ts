import { randomUUID } from 'node:crypto';
import { readRunsToDrive } from '../lifecycle/run-store.js';
import type { Db } from '../platform/database.js';
import type { Claim } from './claim-due-runs.js';
import { later } from './visit.js';

/**
 * Reads a run that was just stored as if it were claimed: the lease is stored by the first write about it, which is the intent of
 * its submit. That write changes nothing if anybody else wrote since, so of all who took a run one submits it. Undefined when it has
 * to be claimed, or left alone: somebody has it, it is not due, or it may be known to its engine.
 */
export async function takeNewRun(db: Db, engine: string, id: number, leaseMs: number): Promise<Claim | undefined> {
  const [due] = await readRunsToDrive(db, [id]);
  if (due?.run.workflowEngine !== engine || due.run.execution.outcome !== 'none') return undefined;
  const { run } = due;
  const isDue = run.nextActionAt !== null && run.nextActionAt <= run.readAt;
  if (!isDue || (run.leaseUntil !== null && run.leaseUntil >= run.readAt)) return undefined;
  const token = randomUUID();
  const held = { ...run, leaseToken: token, leaseUntil: later(run, leaseMs) };
  return { token, runs: [{ ...due, run: held, unclaimed: true }] };
}
