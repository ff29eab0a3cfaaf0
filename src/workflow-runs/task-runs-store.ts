/** Reads of task runs; their JSON is built by the database. */
import type { TaskState } from '../../adapters/spi/facts.js';
import { sqlTime } from '../lists/sql-time.js';
import type { Db } from '../platform/database.js';

/** Task runs that a run shows with `include=task_runs`, at most. */
const MAX_INCLUDED = 1000;

const ATTEMPTS = `(
  SELECT json_agg(json_build_object('attempt', a.attempt, 'state', a.state, 'started_at', ${sqlTime('a.started_at')},
    'finished_at', ${sqlTime('a.finished_at')}, 'exit_code', a.exit_code, 'failure', a.failure) ORDER BY a.attempt)
  FROM task_attempts a WHERE a.task_run_id = r.id)`;

const TASK_RUN_JSON = `(left(json_strip_nulls(json_build_object(
    'id', r.id,
    'task_id', r.task_id,
    'task_title', t.title,
    'workflow_run_id', r.workflow_run_id,
    'map_index', nullif(r.map_index, -1),
    'external_id', r.external_id,
    'engine_url', r.engine_url,
    'state', r.state,
    'state_reason', r.state_reason,
    'attempt', r.attempt,
    'failure', r.failure,
    'started_at', ${sqlTime('r.started_at')},
    'finished_at', ${sqlTime('r.finished_at')},
    'observed_at', ${sqlTime('r.observed_at')},
    'inferred', r.inferred,
    'attempts', ${ATTEMPTS}
  ))::text, -1)
  || CASE WHEN r.outputs IS NULL THEN '}' ELSE ',"outputs":' || r.outputs::text || '}' END)`;

export interface TaskRunRow {
  id: number;
  position: number;
  mapIndex: number;
  json: string;
}

/** Task runs of a run in the order of the graph and of the fan-out, `limit` + 1 at most. */
export async function listTaskRuns(
  db: Db,
  runId: number,
  options: {
    title?: string | undefined;
    states?: TaskState[] | undefined;
    after?: readonly (string | number)[] | undefined;
    limit: number;
  },
): Promise<TaskRunRow[]> {
  const { rows } = await db.query<TaskRunRow>({
    name: 'task-runs.list',
    text: `SELECT r.id, t.position, r.map_index AS "mapIndex", ${TASK_RUN_JSON} AS json
      FROM task_runs r JOIN tasks t ON t.id = r.task_id
      WHERE r.workflow_run_id = $1 AND ($2::text IS NULL OR t.title = $2) AND ($3::text[] IS NULL OR r.state = ANY($3))
        AND ($4::integer IS NULL OR (t.position, r.map_index) > ($4, $5))
      ORDER BY t.position, r.map_index LIMIT $6`,
    values: [
      runId,
      options.title ?? null,
      options.states ?? null,
      options.after?.[0] ?? null,
      options.after?.[1] ?? null,
      options.limit + 1,
    ],
  });
  return rows;
}

/** As a JSON list. */
export async function includedTaskRuns(db: Db, runId: number): Promise<string> {
  const rows = await listTaskRuns(db, runId, { limit: MAX_INCLUDED - 1 });
  return `[${rows.map((row) => row.json).join(',')}]`;
}

export interface TaskRunFacts {
  id: number;
  runId: number;
  task: string;
  /** -1 = not a fan-out. */
  mapIndex: number;
  state: TaskState;
  attempt: number;
  engine: string;
  /** Of the run. */
  generation: number;
  /** Who the run is on its engine, in its current generation. */
  key: string;
  externalId: string | null;
  engineUid: string | null;
  workflow: { id: number; title: string; version: number };
  json: string;
}

/** One task run; `runId`, if given, must be its run. */
export async function readTaskRun(
  db: Db,
  project: string,
  id: number,
  runId: number | undefined,
): Promise<TaskRunFacts | undefined> {
  const { rows } = await db.query<TaskRunFacts>({
    name: 'task-runs.get',
    text: `SELECT r.id, r.workflow_run_id AS "runId", t.title AS task, r.map_index AS "mapIndex", r.state, r.attempt,
        wr.workflow_engine AS engine, wr.generation, x.key, x.external_id AS "externalId", x.engine_uid AS "engineUid",
        json_build_object('id', w.id, 'title', w.title, 'version', w.version) AS workflow, ${TASK_RUN_JSON} AS json
      FROM task_runs r
      JOIN tasks t ON t.id = r.task_id
      JOIN workflow_runs wr ON wr.id = r.workflow_run_id
      JOIN workflow_executions x ON x.workflow_run_id = wr.id AND x.generation = wr.generation
      JOIN workflows w ON w.id = wr.workflow_id
      WHERE r.id = $1 AND wr.project = $2 AND ($3::bigint IS NULL OR r.workflow_run_id = $3)`,
    values: [id, project, runId ?? null],
  });
  return rows[0];
}
