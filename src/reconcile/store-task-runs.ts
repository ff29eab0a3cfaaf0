import type { TaskRunFacts } from '../../adapters/spi/facts.js';
import type { Db } from '../platform/database.js';
import { storableJson } from '../platform/storable-json.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import type { RunState } from '../lifecycle/run-state.js';

/**
 * Stores what an engine says about the task runs of a run, in the transaction that applied the observation. Rows that are
 * as they were are not written; an attempt number never shrinks. Returns the titles no task of the workflow has.
 */
export async function storeTaskRuns(db: Db, run: RunRecord, facts: TaskRunFacts[], at: Date): Promise<string[]> {
  if (facts.length === 0) return [];
  const { rows } = await db.query<{ title: string }>({
    name: 'store-task-runs',
    text: STORE_TASK_RUNS,
    values: [run.id, run.workflowId, storableJson(facts.map(toRow)), storableJson(facts.flatMap(toAttemptRows)), at],
  });
  return rows.map((row) => row.title);
}

/**
 * Task runs that were open when the run ended are closed with `inferred`; where there were any, the run is visited once more
 * so that the engine's last word can replace them.
 */
export async function closeOpenTaskRuns(
  db: Db,
  runId: number,
  state: RunState,
  at: Date,
  visitInMs: number,
): Promise<void> {
  await db.query({
    name: 'close-open-task-runs',
    text: `WITH closed AS (
             UPDATE task_runs SET
               state = CASE WHEN $2 = 'CANCELLED' THEN 'CANCELLED' WHEN started_at IS NULL THEN 'SKIPPED' ELSE $2 END,
               state_reason = 'run-ended', finished_at = coalesce(finished_at, $3), inferred = true
             WHERE workflow_run_id = $1 AND state NOT IN ('COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')
             RETURNING id)
           UPDATE workflow_runs SET next_action_at = now() + $4 * interval '1 millisecond'
           WHERE id = $1 AND EXISTS (SELECT FROM closed)`,
    values: [runId, state, at, visitInMs],
  });
}

const STORE_TASK_RUNS = `
WITH said AS (
  SELECT * FROM jsonb_to_recordset($3::jsonb) AS s(
    task text, map_index integer, state text, state_reason text, attempt integer, started_at timestamptz,
    finished_at timestamptz, outputs jsonb, failure jsonb, external_id text, engine_url text)
), placed AS (
  -- A list that shifted while it was paged names one twice.
  SELECT DISTINCT ON (t.id, s.map_index) t.id AS task_id, s.*
  FROM said s JOIN tasks t ON t.workflow_id = $2 AND t.title = s.task
  ORDER BY t.id, s.map_index, s.attempt DESC
), stored AS (
  INSERT INTO task_runs AS r (workflow_run_id, task_id, map_index, external_id, engine_url, state, state_reason, attempt,
    outputs, failure, started_at, finished_at, observed_at)
  SELECT $1, task_id, map_index, external_id, engine_url, state, state_reason, attempt, outputs, failure, started_at,
    finished_at, $5
  FROM placed ORDER BY task_id, map_index
  ON CONFLICT (workflow_run_id, task_id, map_index) DO UPDATE SET
    external_id = excluded.external_id, engine_url = excluded.engine_url, state = excluded.state,
    state_reason = excluded.state_reason, attempt = greatest(r.attempt, excluded.attempt), outputs = excluded.outputs,
    failure = excluded.failure, started_at = excluded.started_at, finished_at = excluded.finished_at,
    observed_at = excluded.observed_at, inferred = false
  WHERE (r.external_id, r.engine_url, r.state, r.state_reason, r.attempt, r.outputs, r.failure, r.started_at,
         r.finished_at, r.inferred)
    IS DISTINCT FROM
        (excluded.external_id, excluded.engine_url, excluded.state, excluded.state_reason,
         greatest(r.attempt, excluded.attempt), excluded.outputs, excluded.failure, excluded.started_at,
         excluded.finished_at, false)
  RETURNING id, task_id, map_index
), attempted AS (
  INSERT INTO task_attempts AS a (task_run_id, attempt, state, started_at, finished_at, exit_code, failure, external_id)
  SELECT DISTINCT ON (coalesce(w.id, r.id), x.attempt) coalesce(w.id, r.id), x.attempt, x.state, x.started_at, x.finished_at, x.exit_code, x.failure, x.external_id
  FROM jsonb_to_recordset($4::jsonb) AS x(
    task text, map_index integer, attempt integer, state text, started_at timestamptz, finished_at timestamptz,
    exit_code integer, failure jsonb, external_id text)
  JOIN tasks t ON t.workflow_id = $2 AND t.title = x.task
  LEFT JOIN stored w ON w.task_id = t.id AND w.map_index = x.map_index
  LEFT JOIN task_runs r ON r.workflow_run_id = $1 AND r.task_id = t.id AND r.map_index = x.map_index
  WHERE coalesce(w.id, r.id) IS NOT NULL
  ORDER BY coalesce(w.id, r.id), x.attempt, x.finished_at DESC NULLS LAST
  ON CONFLICT (task_run_id, attempt) DO UPDATE SET
    state = excluded.state, started_at = coalesce(excluded.started_at, a.started_at),
    finished_at = coalesce(excluded.finished_at, a.finished_at), exit_code = coalesce(excluded.exit_code, a.exit_code),
    failure = excluded.failure, external_id = coalesce(excluded.external_id, a.external_id)
  WHERE (a.state, a.started_at, a.finished_at, a.exit_code, a.failure, a.external_id) IS DISTINCT FROM
        (excluded.state, coalesce(excluded.started_at, a.started_at), coalesce(excluded.finished_at, a.finished_at),
         coalesce(excluded.exit_code, a.exit_code), excluded.failure, coalesce(excluded.external_id, a.external_id))
)
SELECT s.task AS title FROM said s WHERE NOT EXISTS (SELECT FROM placed p WHERE p.task = s.task)`;

function toRow(fact: TaskRunFacts): Record<string, unknown> {
  return {
    task: fact.task,
    map_index: fact.mapIndex ?? -1,
    state: fact.state,
    state_reason: fact.stateReason,
    attempt: fact.attempt,
    started_at: fact.startedAt,
    finished_at: fact.finishedAt,
    outputs: fact.outputs,
    failure: fact.failure,
    external_id: fact.externalId,
    engine_url: fact.engineUrl,
  };
}

function toAttemptRows(fact: TaskRunFacts): Record<string, unknown>[] {
  return (fact.attempts ?? []).map((attempt) => ({
    task: fact.task,
    map_index: fact.mapIndex ?? -1,
    attempt: attempt.attempt,
    state: attempt.state,
    started_at: attempt.startedAt,
    finished_at: attempt.finishedAt,
    exit_code: attempt.exitCode,
    failure: attempt.failure,
    external_id: attempt.externalId,
  }));
}
