/** Drift of runs: what an engine shows that contradicts how a run ended. Listed, never mended by guessing. */
import type { RunRecord } from '../lifecycle/run-record.js';
import type { Db } from '../platform/database.js';
import type { Decision } from './decide.js';

/**
 * Lists it, or says that it was seen again. What contradicts an end does so in its generation alone: a run that was retried while
 * the engine was asked is left out, and one that is being retried now waits until this is stored.
 */
export async function recordRunDrift(
  db: Db,
  engine: string,
  run: RunRecord,
  drift: Extract<Decision, { do: 'drift' }>,
): Promise<void> {
  await db.query({
    name: 'record-drift',
    text: `INSERT INTO drift (workflow_engine, kind, workflow_run_id, external_id, detail)
           SELECT $1, $2, r.id, $4, $5 FROM workflow_runs r
           WHERE r.id = $3 AND ($2 <> 'state' OR r.generation = $6 AND r.finished_at IS NOT NULL)
           FOR SHARE
           ON CONFLICT (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, ''))
             WHERE resolved_at IS NULL
           DO UPDATE SET last_seen_at = now(), detail = excluded.detail`,
    values: [engine, drift.kind, run.id, run.execution.externalId, drift.detail, run.generation],
  });
}

/**
 * A retry makes what the engine runs the run's own again. An entry was made while its generation had ended: when the run is active,
 * or ended after the entry was last seen, the generation is a later one.
 */
export async function resolveRetriedDrift(db: Db, engine: string): Promise<void> {
  await db.query({
    name: 'resolve-retried-drift',
    text: `UPDATE drift d SET resolved_at = now()
           FROM workflow_runs r
           JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.generation = r.generation
           WHERE d.workflow_engine = $1 AND d.kind = 'state' AND d.resolved_at IS NULL AND r.id = d.workflow_run_id
             AND (r.finished_at IS NULL OR e.ended_at > d.last_seen_at)`,
    values: [engine],
  });
}
