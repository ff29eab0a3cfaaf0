/** Statements of a node's owner. Each names the owner's token, so that one who lost the node writes nothing. */
import type { Definition, Json } from '../../definition/definition-types.js';
import type { CancelMode } from '../spi/engine-adapter.js';
import type { Db } from '../spi/engine-kind.js';
import type { Failure, RunPhase } from '../spi/facts.js';
import type { NodeOwner } from './node-lease.js';
import type { LocalRun, LocalTaskRun, LocalTaskState } from './run-model.js';

/** Everything one decision changes; written in one statement. */
export interface Step {
  run: RunFacts;
  tasks: LocalTaskRun[];
  created: { task: string; mapIndex: number; attempt: number }[];
  changed: AttemptChange[];
}

export interface RunFacts {
  phase: RunPhase;
  stopEvidence: boolean;
  outputs: Record<string, Json> | null;
  failure: Failure | null;
  roundStartedAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface AttemptChange {
  task: string;
  mapIndex: number;
  attempt: number;
  state: LocalTaskState;
  startedAt: Date | null;
  finishedAt: Date | null;
  exitCode: number | null;
  failure: Failure | null;
}

export interface OpenAttempt {
  task: string;
  map_index: number;
  attempt: number;
  /** It is written down that user code has begun. */
  started: boolean;
}

export interface Polled {
  /** Runs of this node with intents that the owner has not read. */
  wanted: number[];
  /** Runs that no node had, now of this one. */
  claimed: number[];
}

/** Of a backlog that is cancelled as a whole, the next poll takes the next ones. */
const HELD_AT_ONCE = 1_000;

/**
 * What there is to do, in one statement: it is asked every second for as long as the node lives. Claims up to `limit`, and
 * beyond it what is to be cancelled or held: that executes nothing, and nobody else would read it.
 */
export async function pollRuns(db: Db, owner: NodeOwner, limit: number): Promise<Polled> {
  const { rows } = await db.query<{ id: number; claimed: boolean }>({
    name: 'local-poll-runs',
    text: `WITH next AS (
             SELECT id FROM signalbox_local.runs
              WHERE engine = $1 AND node_id IS NULL AND finished_at IS NULL
              ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED),
           held AS (
             SELECT id FROM signalbox_local.runs
              WHERE engine = $1 AND node_id IS NULL AND finished_at IS NULL AND intent_seq <> seen_seq
                AND (cancel_mode IS NOT NULL OR pause_wanted)
              ORDER BY id LIMIT ${HELD_AT_ONCE} FOR UPDATE SKIP LOCKED),
           claimed AS (
             UPDATE signalbox_local.runs SET node_id = $2
              WHERE id IN (SELECT id FROM next UNION SELECT id FROM held)
                AND EXISTS (SELECT 1 FROM signalbox_local.nodes WHERE node_id = $2 AND owner_token = $3)
              RETURNING id)
           SELECT id, true AS claimed FROM claimed
           UNION ALL SELECT id, false FROM signalbox_local.runs WHERE node_id = $2 AND intent_seq <> seen_seq
           ORDER BY id`,
    values: [owner.engine, owner.nodeId, owner.token, limit],
  });
  const idsOf = (claimed: boolean): number[] =>
    rows.filter((row) => row.claimed === claimed).map((row) => Number(row.id));
  return { wanted: idsOf(false), claimed: idsOf(true) };
}

/** Runs of this node that have not ended. */
export async function readActiveRuns(db: Db, owner: NodeOwner): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>({
    text: `SELECT id FROM signalbox_local.runs WHERE node_id = $1 AND finished_at IS NULL ORDER BY id`,
    values: [owner.nodeId],
  });
  return rows.map((row) => Number(row.id));
}

interface LoadedRow {
  key: string;
  workflow_run_id: string;
  traceparent: string;
  definition: string;
  parameters: string;
  phase: RunPhase;
  round: number;
  cancel_mode: CancelMode | null;
  pause_wanted: boolean;
  intent_seq: number;
  seen_seq: number;
  round_started_at: Date | null;
  started_at: Date | null;
}

interface LoadedTask {
  task: string;
  map_index: number;
  state: LocalTaskState;
  state_reason: string | null;
  attempt: number;
  retries_used: number;
  false_starts: number;
  next_attempt_at: Date | null;
  item: string | null;
  item_count: number | null;
  cancel_wanted: boolean;
  outputs: string | null;
  failure: string | null;
  started_at: Date | null;
  finished_at: Date | null;
}

/** The run with its tasks and the attempts that are open. The run's row is read first: its intents may only be older. */
export async function loadRun(
  db: Db,
  owner: NodeOwner,
  id: number,
): Promise<{ run: LocalRun; open: OpenAttempt[]; unseen: boolean } | undefined> {
  const { rows } = await db.query<LoadedRow>({
    name: 'local-load-run',
    text: `SELECT key, workflow_run_id, traceparent, definition, parameters, phase, round, cancel_mode, pause_wanted,
                  intent_seq, seen_seq, round_started_at, started_at
             FROM signalbox_local.runs WHERE id = $1 AND node_id = $2`,
    values: [id, owner.nodeId],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  const tasks = await loadTaskRuns(db, id);
  const open = await db.query<OpenAttempt>({
    name: 'local-load-open-attempts',
    text: `SELECT task, map_index, attempt, state = 'RUNNING' AS started FROM signalbox_local.attempts
            WHERE run_id = $1 AND state IN ('SCHEDULED', 'RUNNING')`,
    values: [id],
  });
  return { run: toRun(id, row, tasks), open: open.rows, unseen: row.intent_seq !== row.seen_seq };
}

export async function loadTaskRuns(db: Db, id: number): Promise<LocalTaskRun[]> {
  const { rows } = await db.query<LoadedTask>({
    name: 'local-load-tasks',
    text: `SELECT task, map_index, state, state_reason, attempt, retries_used, false_starts, next_attempt_at, item,
                  item_count, cancel_wanted, outputs, failure, started_at, finished_at
             FROM signalbox_local.task_runs WHERE run_id = $1 ORDER BY task, map_index`,
    values: [id],
  });
  return rows.map(toTaskRun);
}

function toRun(id: number, row: LoadedRow, tasks: LocalTaskRun[]): LocalRun {
  return {
    id,
    key: row.key,
    workflowRunId: row.workflow_run_id,
    traceparent: row.traceparent,
    definition: JSON.parse(row.definition) as Definition,
    parameters: JSON.parse(row.parameters) as Record<string, Json>,
    phase: row.phase,
    round: row.round,
    cancelMode: row.cancel_mode,
    pauseWanted: row.pause_wanted,
    intentSeq: Number(row.intent_seq),
    roundStartedAt: row.round_started_at,
    startedAt: row.started_at,
    tasks,
  };
}

function toTaskRun(row: LoadedTask): LocalTaskRun {
  return {
    task: row.task,
    mapIndex: row.map_index,
    state: row.state,
    stateReason: row.state_reason,
    attempt: row.attempt,
    retriesUsed: row.retries_used,
    falseStarts: row.false_starts,
    nextAttemptAt: row.next_attempt_at,
    item: row.item === null ? undefined : (JSON.parse(row.item) as Json),
    itemCount: row.item_count,
    cancelWanted: row.cancel_wanted,
    outputs: row.outputs === null ? null : (JSON.parse(row.outputs) as Record<string, Json>),
    failure: row.failure === null ? null : (JSON.parse(row.failure) as Failure),
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

/** Writes one step; false = this process no longer owns the node, and nothing was written. */
export async function writeStep(db: Db, owner: NodeOwner, run: LocalRun, step: Step): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'local-write-step',
    text: `WITH owner AS (
             SELECT 1 FROM signalbox_local.nodes WHERE node_id = $2 AND owner_token = $3),
           tasks AS (
             INSERT INTO signalbox_local.task_runs (run_id, task, map_index, state, state_reason, attempt, retries_used,
                    false_starts, next_attempt_at, item, item_count, outputs, failure, started_at, finished_at)
             SELECT $1::bigint, c.* FROM owner, json_to_recordset($4) AS c(task text, map_index int, state text,
                    state_reason text, attempt int, retries_used int, false_starts int, next_attempt_at timestamptz,
                    item text, item_count int, outputs text, failure text, started_at timestamptz,
                    finished_at timestamptz)
             ON CONFLICT (run_id, task, map_index) DO UPDATE SET
                    state = EXCLUDED.state, state_reason = EXCLUDED.state_reason, attempt = EXCLUDED.attempt,
                    retries_used = EXCLUDED.retries_used, false_starts = EXCLUDED.false_starts,
                    next_attempt_at = EXCLUDED.next_attempt_at, item = EXCLUDED.item,
                    item_count = EXCLUDED.item_count, outputs = EXCLUDED.outputs, failure = EXCLUDED.failure,
                    started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at),
           created AS (
             INSERT INTO signalbox_local.attempts (run_id, task, map_index, attempt, node_id)
             SELECT $1::bigint, c.task, c.map_index, c.attempt, $2::text
               FROM owner, json_to_recordset($5) AS c(task text, map_index int, attempt int)),
           changed AS (
             UPDATE signalbox_local.attempts a
                SET state = c.state, started_at = c.started_at, finished_at = c.finished_at, exit_code = c.exit_code,
                    failure = c.failure
               FROM owner, json_to_recordset($6) AS c(task text, map_index int, attempt int, state text,
                    started_at timestamptz, finished_at timestamptz, exit_code int, failure text)
              WHERE a.run_id = $1::bigint AND a.task = c.task AND a.map_index = c.map_index AND a.attempt = c.attempt
                AND a.state IN ('SCHEDULED', 'RUNNING'))
           UPDATE signalbox_local.runs
              SET phase = $7, stop_evidence = $8, outputs = $9, failure = $10, round_started_at = $11,
                  started_at = $12, finished_at = $13, seen_seq = GREATEST(seen_seq, $14)
             FROM owner WHERE id = $1::bigint`,
    values: [
      run.id,
      owner.nodeId,
      owner.token,
      JSON.stringify(step.tasks.map(toTaskJson)),
      JSON.stringify(step.created.map(({ task, mapIndex, attempt }) => ({ task, map_index: mapIndex, attempt }))),
      JSON.stringify(step.changed.map(toAttemptJson)),
      step.run.phase,
      step.run.stopEvidence,
      toText(step.run.outputs),
      toText(step.run.failure),
      step.run.roundStartedAt,
      step.run.startedAt,
      step.run.finishedAt,
      run.intentSeq,
    ],
  });
  return rowCount === 1;
}

/** For a run whose intents change nothing: they have been read all the same. */
export async function markSeen(db: Db, owner: NodeOwner, id: number, seq: number): Promise<void> {
  await db.query({
    name: 'local-mark-seen',
    text: `UPDATE signalbox_local.runs SET seen_seq = GREATEST(seen_seq, $3) WHERE id = $1 AND node_id = $2`,
    values: [id, owner.nodeId, seq],
  });
}

function toTaskJson(task: LocalTaskRun): object {
  return {
    task: task.task,
    map_index: task.mapIndex,
    state: task.state,
    state_reason: task.stateReason,
    attempt: task.attempt,
    retries_used: task.retriesUsed,
    false_starts: task.falseStarts,
    next_attempt_at: task.nextAttemptAt,
    item: task.item === undefined ? null : JSON.stringify(task.item),
    item_count: task.itemCount,
    outputs: toText(task.outputs),
    failure: toText(task.failure),
    started_at: task.startedAt,
    finished_at: task.finishedAt,
  };
}

function toAttemptJson(change: AttemptChange): object {
  return {
    task: change.task,
    map_index: change.mapIndex,
    attempt: change.attempt,
    state: change.state,
    started_at: change.startedAt,
    finished_at: change.finishedAt,
    exit_code: change.exitCode,
    failure: toText(change.failure),
  };
}

/** JSON as text keeps what jsonb refuses: an escaped NUL stays six characters. */
function toText(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
