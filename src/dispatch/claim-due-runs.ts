import { randomUUID } from 'node:crypto';
import { readRunsToDrive, type RunToDrive } from '../lifecycle/run-store.js';
import type { Db } from '../platform/database.js';

export interface Claim {
  /** Fences the holder's writes. */
  token: string;
  runs: RunToDrive[];
}

/**
 * Takes up to `limit` due runs of an engine under a lease, the projects in turn: first one of each, then the second of each.
 * The version grows with the claim, so a holder whose lease was taken over writes nothing any more.
 */
export async function claimDueRuns(db: Db, engine: string, limit: number, leaseMs: number): Promise<Claim> {
  const token = randomUUID();
  const { rows } = await db.query<{ id: number }>({
    name: 'claim-due-runs',
    text: CLAIM,
    values: [engine, limit, token, leaseMs],
  });
  const ids = rows.map((row) => row.id);
  return { token, runs: ids.length === 0 ? [] : await readRunsToDrive(db, ids) };
}

const CLAIM = `
WITH RECURSIVE projects AS (
  (SELECT project FROM workflow_runs
   WHERE workflow_engine = $1 AND next_action_at IS NOT NULL ORDER BY project LIMIT 1)
  UNION ALL
  SELECT (SELECT r.project FROM workflow_runs r
          WHERE r.workflow_engine = $1 AND r.next_action_at IS NOT NULL AND r.project > p.project
          ORDER BY r.project LIMIT 1)
  FROM projects p WHERE p.project IS NOT NULL
), candidates AS (
  SELECT due.id, due.turn, due.next_action_at FROM projects p, LATERAL (
    SELECT r.id, r.next_action_at, row_number() OVER (ORDER BY r.next_action_at) AS turn
    FROM workflow_runs r
    WHERE r.workflow_engine = $1 AND r.project = p.project AND r.next_action_at <= now()
      AND (r.lease_until IS NULL OR r.lease_until < now())
    ORDER BY r.next_action_at LIMIT $2
  ) due
  WHERE p.project IS NOT NULL
  ORDER BY due.turn, due.next_action_at LIMIT $2
), locked AS (
  SELECT r.id FROM workflow_runs r JOIN candidates c ON c.id = r.id
  WHERE r.next_action_at <= now() AND (r.lease_until IS NULL OR r.lease_until < now())
  ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
)
UPDATE workflow_runs r
SET lease_token = $3::uuid, lease_until = now() + $4 * interval '1 millisecond', version = r.version + 1
FROM locked l WHERE r.id = l.id
RETURNING r.id`;
