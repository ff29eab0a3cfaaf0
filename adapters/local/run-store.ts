/** Statements of the verbs: any process may run them. They write intents, never facts; facts are the owner's. */
import { randomUUID } from 'node:crypto';
import type { CancelMode, ExecutionPage, Marker } from '../spi/engine-adapter.js';
import type { Db } from '../spi/engine-kind.js';
import type { RunPhase } from '../spi/facts.js';

export interface RunRow {
  id: number;
  key: string;
  installation_id: string;
  content_digest: string;
  phase: RunPhase;
  round: number;
  stop_evidence: boolean;
  outputs: string | null;
  failure: string | null;
  started_at: Date | null;
  finished_at: Date | null;
  pause_wanted: boolean;
  /** Not final, and no owner with a running lease could judge it. */
  offline: boolean;
  live_tasks: number;
}

export interface TaskRunRow {
  task: string;
  map_index: number;
  state: string;
  state_reason: string | null;
  attempt: number;
  outputs: string | null;
  failure: string | null;
  started_at: Date | null;
  finished_at: Date | null;
  attempts: AttemptRow[] | null;
}

/** Read through JSON, so its times are text. */
export interface AttemptRow {
  attempt: number;
  state: string;
  started_at: string | null;
  finished_at: string | null;
  exit_code: number | null;
  failure: string | null;
}

export interface NewRun {
  engine: string;
  marker: Marker;
  workflowRunId: string;
  traceparent: string;
  /** JSON texts. */
  definition: string;
  parameters: string;
  tasks: string[];
}

const RUN_COLUMNS = `r.id, r.key, r.installation_id, r.content_digest, r.phase, r.round, r.stop_evidence,
  r.outputs, r.failure, r.started_at, r.finished_at, r.pause_wanted,
  r.finished_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM signalbox_local.nodes n
     WHERE n.engine = r.engine AND n.lease_until > now() AND (r.node_id IS NULL OR n.node_id = r.node_id)) AS offline,
  (SELECT count(*)::int FROM signalbox_local.attempts a
    WHERE a.run_id = r.id AND a.state IN ('SCHEDULED', 'RUNNING')) AS live_tasks`;

/** Stores the run with its tasks unless the key is taken. */
export async function insertRun(db: Db, run: NewRun): Promise<void> {
  await db.query({
    name: 'local-insert-run',
    text: `WITH run AS (
             INSERT INTO signalbox_local.runs
               (engine, key, installation_id, content_digest, workflow_run_id, traceparent, definition, parameters)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (engine, key) DO NOTHING RETURNING id)
           INSERT INTO signalbox_local.task_runs (run_id, task) SELECT run.id, task FROM run, unnest($9::text[]) AS task`,
    values: [
      run.engine,
      run.marker.key,
      run.marker.installationId,
      run.marker.contentDigest,
      run.workflowRunId,
      run.traceparent,
      run.definition,
      run.parameters,
      run.tasks,
    ],
  });
}

/** All of them in one statement; what is not among the rows does not exist. */
export async function readRuns(db: Db, engine: string, keys: readonly string[]): Promise<RunRow[]> {
  const { rows } = await db.query<RunRow>({
    name: 'local-read-runs',
    text: `SELECT ${RUN_COLUMNS} FROM signalbox_local.runs r WHERE r.engine = $1 AND r.key = ANY ($2)`,
    values: [engine, keys],
  });
  return rows;
}

/** Runs on one page of the list. */
const LIST_PAGE = 1_000;

/** In order of creation, all installations; `cursor` is the id of the last one of the page before. */
export async function listRuns(db: Db, engine: string, since: Date, cursor?: string): Promise<ExecutionPage> {
  const { rows } = await db.query<Pick<RunRow, 'id' | 'key' | 'installation_id' | 'phase'> & { created_at: Date }>({
    name: 'local-list-runs',
    text: `SELECT id, key, installation_id, phase, created_at FROM signalbox_local.runs
            WHERE engine = $1 AND created_at >= $2
              AND ($3::bigint IS NULL
                OR (created_at, id) > (SELECT created_at, id FROM signalbox_local.runs WHERE id = $3))
            ORDER BY created_at, id LIMIT $4`,
    values: [engine, since, cursor ?? null, LIST_PAGE + 1],
  });
  const page = rows.slice(0, LIST_PAGE);
  const executions = page.map((row) => ({
    key: row.key,
    externalId: row.key,
    installationId: row.installation_id,
    engineState: row.phase,
    createdAt: row.created_at,
  }));
  const last = page.at(-1);
  return rows.length > page.length && last ? { executions, nextCursor: String(last.id) } : { executions };
}

export async function readTaskRuns(db: Db, runId: number): Promise<TaskRunRow[]> {
  const { rows } = await db.query<TaskRunRow>({
    name: 'local-read-task-runs',
    text: `SELECT t.task, t.map_index, t.state, t.state_reason, t.attempt, t.outputs, t.failure, t.started_at,
                  t.finished_at, a.attempts
             FROM signalbox_local.task_runs t
             LEFT JOIN (
               SELECT task, map_index, json_agg(json_build_object(
                        'attempt', attempt, 'state', state, 'started_at', started_at, 'finished_at', finished_at,
                        'exit_code', exit_code, 'failure', failure) ORDER BY attempt) AS attempts
                 FROM signalbox_local.attempts WHERE run_id = $1 GROUP BY task, map_index) a
               USING (task, map_index)
            WHERE t.run_id = $1 ORDER BY t.task, t.map_index`,
    values: [runId],
  });
  return rows;
}

/**
 * Deletes runs that have ended, with their tasks and attempts; one that has not ended is left. What a node has of them on its
 * disk is noted for it.
 */
export async function forgetRuns(db: Db, engine: string, keys: readonly string[]): Promise<void> {
  await db.query({
    name: 'local-forget-runs',
    text: `WITH gone AS (
             DELETE FROM signalbox_local.runs
              WHERE engine = $1 AND key = ANY ($2) AND finished_at IS NOT NULL RETURNING node_id, key)
           INSERT INTO signalbox_local.left_folders (node_id, key)
           SELECT node_id, key FROM gone WHERE node_id IS NOT NULL ON CONFLICT DO NOTHING`,
    values: [engine, keys],
  });
}

export type Requested = 'requested' | 'already-final' | 'absent';

/** Force stays force. */
export async function requestCancel(db: Db, engine: string, key: string, mode: CancelMode): Promise<Requested> {
  return request(db, engine, key, `cancel_mode = CASE WHEN cancel_mode = 'force' THEN 'force' ELSE $3 END`, mode);
}

export async function requestPause(db: Db, engine: string, key: string, wanted: boolean): Promise<Requested> {
  return request(db, engine, key, 'pause_wanted = $3', wanted);
}

async function request(db: Db, engine: string, key: string, change: string, value: unknown): Promise<Requested> {
  const { rows } = await db.query<{ id: number }>({
    text: `UPDATE signalbox_local.runs SET ${change}, intent_seq = intent_seq + 1
            WHERE engine = $1 AND key = $2 AND finished_at IS NULL RETURNING id`,
    values: [engine, key, value],
  });
  return rows.length > 0 ? 'requested' : whyNot(db, engine, key);
}

/** The whole of a fan-out is `mapIndex` -1: all of its items. */
export async function requestTaskCancel(
  db: Db,
  engine: string,
  key: string,
  task: string,
  mapIndex: number,
): Promise<Requested> {
  const { rows } = await db.query<{ run_id: number }>({
    text: `WITH wanted AS (
             UPDATE signalbox_local.task_runs t SET cancel_wanted = true FROM signalbox_local.runs r
              WHERE r.id = t.run_id AND r.engine = $1 AND r.key = $2 AND r.finished_at IS NULL
                AND t.task = $3 AND (t.map_index = $4 OR $4 < 0)
                AND t.state NOT IN ('COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')
              RETURNING t.run_id)
           UPDATE signalbox_local.runs SET intent_seq = intent_seq + 1
            WHERE id IN (SELECT run_id FROM wanted) RETURNING id`,
    values: [engine, key, task, mapIndex],
  });
  if (rows.length > 0) return 'requested';
  const { rows: there } = await db.query({
    text: `SELECT 1 FROM signalbox_local.task_runs t JOIN signalbox_local.runs r ON r.id = t.run_id
            WHERE r.engine = $1 AND r.key = $2 AND t.task = $3 AND t.map_index = $4`,
    values: [engine, key, task, mapIndex],
  });
  return there.length > 0 ? 'already-final' : 'absent';
}

async function whyNot(db: Db, engine: string, key: string): Promise<Requested> {
  const { rows } = await db.query({
    text: `SELECT 1 FROM signalbox_local.runs WHERE engine = $1 AND key = $2`,
    values: [engine, key],
  });
  return rows.length > 0 ? 'already-final' : 'absent';
}

export interface AttemptPlace {
  node_id: string;
  ended: boolean;
}

export async function readAttemptPlace(
  db: Db,
  engine: string,
  name: { key: string; task: string; mapIndex: number; attempt: number },
): Promise<AttemptPlace | undefined> {
  const { rows } = await db.query<AttemptPlace>({
    name: 'local-read-attempt',
    text: `SELECT a.node_id, a.state NOT IN ('SCHEDULED', 'RUNNING') AS ended
             FROM signalbox_local.attempts a JOIN signalbox_local.runs r ON r.id = a.run_id
            WHERE r.engine = $1 AND r.key = $2 AND a.task = $3 AND a.map_index = $4 AND a.attempt = $5`,
    values: [engine, name.key, name.task, name.mapIndex, name.attempt],
  });
  return rows[0];
}

/** The row that was written first answers for ever: another epoch means another database. */
export async function readEpoch(db: Db, engine: string): Promise<string | undefined> {
  const { rows } = await db.query<{ epoch: string }>({
    text: `SELECT epoch FROM signalbox_local.sentinels WHERE engine = $1`,
    values: [engine],
  });
  return rows[0]?.epoch;
}

export async function writeEpoch(db: Db, engine: string): Promise<void> {
  await db.query({
    text: `INSERT INTO signalbox_local.sentinels (engine, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    values: [engine, randomUUID()],
  });
}
