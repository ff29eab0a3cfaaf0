import type { Definition } from '../../definition/definition-types.js';
import type { RetryOutcome } from '../spi/engine-adapter.js';
import type { DatabaseHandle, Db } from '../spi/engine-kind.js';
import { EngineError } from '../spi/engine-error.js';
import type { Reset } from './retry-scope.js';
import type { LocalTaskRun } from './run-model.js';
import { loadTaskRuns } from './step-store.js';

export type RetryScope = (definition: Definition, taskRuns: readonly LocalTaskRun[]) => Reset[];

/**
 * Begins the next round of a run that has ended: one transaction, so that a repeat finds the baseline changed and a
 * kill in between finds nothing done. Attempts stay, their numbers go on; budgets are fresh. An ended run has no owner's
 * hand on it, so this is the one place where somebody else writes facts.
 */
export async function beginRound(
  database: DatabaseHandle,
  engine: string,
  key: string,
  baseline: string,
  scope: RetryScope,
): Promise<RetryOutcome> {
  return database.transaction(async (db) => {
    const { rows } = await db.query<{ id: number; round: number; ended: boolean; definition: string }>({
      text: `SELECT id, round, finished_at IS NOT NULL AS ended, definition
               FROM signalbox_local.runs WHERE engine = $1 AND key = $2 FOR UPDATE`,
      values: [engine, key],
    });
    const run = rows[0];
    if (run === undefined) throw new EngineError('not-found', `The local engine has no run ${key}.`);
    if (!run.ended || String(run.round) !== baseline) return { outcome: 'active-again' };
    const definition = JSON.parse(run.definition) as Definition;
    const resets = scope(definition, await loadTaskRuns(db, run.id));
    if (resets.length === 0) {
      return { outcome: 'nothing-to-retry', message: 'No task run of this run can be started again.' };
    }
    await resetTasks(db, run.id, resets);
    await db.query({
      text: `UPDATE signalbox_local.runs
                SET phase = 'scheduled', round = round + 1, cancel_mode = NULL, pause_wanted = false,
                    stop_evidence = false, outputs = NULL, failure = NULL, round_started_at = NULL,
                    finished_at = NULL, intent_seq = intent_seq + 1
              WHERE id = $1`,
      values: [run.id],
    });
    return { outcome: 'accepted', externalId: key };
  });
}

async function resetTasks(db: Db, runId: number, resets: Reset[]): Promise<void> {
  const rows = resets.map(({ task, mapIndex, keepItems }) => ({ task, map_index: mapIndex, keep_items: keepItems }));
  await db.query({
    text: `UPDATE signalbox_local.task_runs t
              SET state = 'PENDING', state_reason = NULL, retries_used = 0, false_starts = 0, next_attempt_at = NULL,
                  item_count = CASE WHEN c.keep_items THEN t.item_count END, cancel_wanted = false,
                  outputs = NULL, failure = NULL, started_at = NULL, finished_at = NULL
             FROM json_to_recordset($2) AS c(task text, map_index int, keep_items boolean)
            WHERE t.run_id = $1 AND t.task = c.task AND t.map_index = c.map_index`,
    values: [runId, JSON.stringify(rows)],
  });
}
