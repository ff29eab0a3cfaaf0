import type { Json } from '../../definition/definition-types.js';
import type { Label } from '../labels/label.js';
import { attachedLabels } from '../labels/labels-store.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';
import { JSON_LABELS } from '../lists/sql-json.js';
import type { Db } from '../platform/database.js';
import { runColumns, type RunRow } from './run-row.js';

export interface NewRun {
  project: string;
  workflowId: number;
  /** Effective values. */
  parameters: Record<string, Json>;
  labels: Label[];
  /** Of the request: engine calls for the run belong to its trace. */
  traceparent?: string | undefined;
  /** For `stale` of the answer. */
  staleAfterMs: number;
}

/**
 * Stores a run in one statement: labels, run, links, the execution row with its key, the first event. It is due at once.
 * Undefined when the version cannot be run any more: archived, failed or retired since it was looked at. The version's row
 * is held FOR SHARE until the transaction ends, so that archiving waits for it, or it for archiving.
 */
export async function createRun(db: Db, run: NewRun): Promise<RunRow | undefined> {
  const token = newRunToken();
  const { rows } = await db.query<RunRow>({
    name: 'runs.create',
    text: CREATE_RUN,
    values: [
      run.project,
      run.workflowId,
      token,
      runKey(token, 1),
      JSON.stringify(run.parameters),
      JSON.stringify(run.labels),
      run.staleAfterMs,
      run.traceparent ?? null,
    ],
  });
  return rows[0];
}

const NEW_LABELS = `(SELECT ${JSON_LABELS} FROM given k)`;

/**
 * As precise as a record is: whoever writes the row again writes the same moment, and an indexed column that stays as it is
 * spares all indexes of the table a new entry. Of the two neighbours the one that has passed, so that the run is due.
 */
const NOW_AS_KEPT = `date_trunc('milliseconds', now())`;

const CREATE_RUN = `
WITH version AS (
  SELECT w.id, w.title, w.version, w.workflow_engine, w.registration_state = 'PENDING' AS waits FROM workflows w
  WHERE w.id = $2 AND w.project = $1 AND w.archived_at IS NULL AND w.registration_state IN ('READY', 'PENDING')
  FOR SHARE
), given AS (
  SELECT DISTINCT l.key, l.value FROM version, jsonb_to_recordset($6::jsonb) AS l(key text, value text)
), ${attachedLabels('$1')}, run AS (
  INSERT INTO workflow_runs
    (project, workflow_id, workflow_engine, token, parameters, traceparent, state, state_reason, last_error, event_seq, next_action_at)
  SELECT $1, v.id, v.workflow_engine, $3, $5::jsonb, $8, 'PENDING', CASE WHEN v.waits THEN 'registration-pending' END,
    CASE WHEN v.waits THEN jsonb_build_object('code', 'registration-pending',
      'message', 'The engine has not taken this workflow in yet.', 'at', now()) END, 1, ${NOW_AS_KEPT}
  FROM version v
  RETURNING *
), linked AS (
  INSERT INTO workflow_run_labels (label_id, workflow_run_id) SELECT a.id, run.id FROM attached a, run
), execution AS (
  INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, $4, 'submit' FROM run
  RETURNING *
), recorded AS (
  INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source)
  SELECT id, 1, 'CREATED', 'PENDING', 1, 'client' FROM run
)
SELECT ${runColumns('$7', NEW_LABELS)}
FROM run r CROSS JOIN version w CROSS JOIN execution x LEFT JOIN engines g ON g.name = r.workflow_engine`;
