import type { Db } from '../platform/database.js';

/**
 * Says of every accepted cancel that was not applied within the grace that it is overdue. The engine is not asked: the ones
 * that do not answer are the reason for most of them.
 */
export async function markOverdueCancels(db: Db, engine: string, cancelGraceMs: number): Promise<void> {
  await db.query({
    name: 'mark-overdue-cancels',
    text: `UPDATE workflow_runs SET version = version + 1, state_reason = 'cancel-overdue', updated_at = clock_timestamp(),
             last_error = jsonb_build_object('code', 'cancel-overdue',
               'message', 'The engine has not stopped the run within the grace.', 'at', now())
           WHERE workflow_engine = $1 AND state = 'CANCELLING' AND state_reason IS DISTINCT FROM 'cancel-overdue'
             AND desired_at < now() - $2 * interval '1 millisecond'`,
    values: [engine, cancelGraceMs],
  });
}
