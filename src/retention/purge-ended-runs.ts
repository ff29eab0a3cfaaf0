import type { Db } from '../platform/database.js';

export interface PurgeLimits {
  /** Milliseconds since the end of a run. */
  endedForMs: number;
  /** Runs of one batch. */
  atMost: number;
  /** Whether what the engine has is to be removed as well, by `forgetExecutions`. */
  forgetting: boolean;
}

/**
 * Deletes runs of one engine that ended long ago, in one statement: a run goes with its executions, task runs, attempts,
 * labels and events, or stays whole. What the engine has of them is noted in the same statement. Returns how many.
 *
 * The end is ours, by the database's clock. A run that is being changed, or whose given-up execution may still surface, stays
 * for a later batch.
 */
export async function purgeEndedRuns(db: Db, engine: string, limits: PurgeLimits): Promise<number> {
  const { rowCount } = await db.query({
    name: 'retention-purge',
    text: `WITH ended AS (
             SELECT r.id, r.workflow_id, r.token
             FROM workflow_runs r
             JOIN workflow_executions last ON last.workflow_run_id = r.id AND last.generation = r.generation
             WHERE r.workflow_engine = $1 AND r.finished_at IS NOT NULL AND r.next_action_at IS NULL
               AND last.ended_at < now() - $2 * interval '1 millisecond'
               AND NOT EXISTS (SELECT FROM workflow_executions e
                               WHERE e.workflow_run_id = r.id AND e.tombstone_until > now())
             ORDER BY last.ended_at LIMIT $3 FOR UPDATE OF r SKIP LOCKED
           ), noted AS (
             INSERT INTO purged_executions (workflow_engine, key, external_id, workflow_id)
             SELECT $1, e.key, max(e.external_id), ended.workflow_id
             FROM ended JOIN workflow_executions e ON e.workflow_run_id = ended.id
             -- What began on the engine stays there: it is the engine's own.
             WHERE $4 AND e.outcome <> 'none' AND NOT starts_with(e.key, 'eb-')
             GROUP BY e.key, ended.workflow_id
             ON CONFLICT DO NOTHING
           ), released AS (
             UPDATE adopted_executions SET released_at = now() WHERE token IN (SELECT token FROM ended)
           )
           DELETE FROM workflow_runs WHERE id IN (SELECT id FROM ended)`,
    values: [engine, limits.endedForMs, limits.atMost, limits.forgetting],
  });
  return rowCount;
}
