import type { Db } from '../platform/database.js';
import { storableJson } from '../platform/storable-json.js';
import type { NewEvent } from './refold.js';
import type { RunRecord } from './run-record.js';

export interface Move {
  before: RunRecord;
  after: RunRecord;
  events: NewEvent[];
}

/**
 * The one function that changes a run: compare-and-set on (id, generation, version) for any number of runs in one
 * statement, the execution row and the lifecycle events with it. Returns the moves that were stored; the run of one that is
 * missing in the result was changed by somebody else since it was read, and nothing of its move was stored. Of several moves from
 * one version the first is tried: the others were overtaken by it.
 */
export async function moveRuns(db: Db, wanted: Move[]): Promise<Set<Move>> {
  if (wanted.length === 0) return new Set();
  const firsts = new Map<string, Move>();
  for (const move of wanted) {
    const from = `${move.before.id} ${move.before.version}`;
    if (!firsts.has(from)) firsts.set(from, move);
  }
  const moves = [...firsts.values()];
  const { rows } = await db.query<{ id: number; fromVersion: number }>({
    name: 'move-runs',
    text: MOVE_RUNS,
    values: [storableJson(moves.map(toRow)), storableJson(moves.flatMap(toEventRows))],
  });
  const written = new Map(rows.map((row) => [row.id, row.fromVersion]));
  return new Set(moves.filter(({ before }) => written.get(before.id) === before.version));
}

const RUN_FIELDS = `
  state text, state_reason text, failure jsonb, generation integer, event_seq integer, desired text,
  desired_at timestamptz, retry_task jsonb, observed jsonb, verdict jsonb, observed_ticket bigint,
  observed_at timestamptz, tasks_observed_at timestamptz, absent_since timestamptz, absences integer, read_error jsonb,
  outputs jsonb, engine_url text, next_action_at timestamptz, lease_token uuid, lease_until timestamptz,
  failures integer, last_error jsonb, submitted_at timestamptz, started_at timestamptz, finished_at timestamptz`;

const EXECUTION_FIELDS = `
  key text, verb text, outcome text, first_attempted_at timestamptz, attempted_at timestamptz,
  key_absent_since timestamptz, absent_until timestamptz, lookups integer, external_id text, engine_uid text,
  engine_epoch text, baseline text, cancel_sent_at timestamptz, cancel_mode text, pause_sent boolean, ended_at timestamptz, tombstone_until timestamptz`;

const MOVE_RUNS = `
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(
    id bigint, from_version bigint, from_generation integer, ${RUN_FIELDS}, ${EXECUTION_FIELDS})
), locked AS (
  -- In one order, so that two writers of overlapping sets never wait for each other in a circle. The planner takes a record set
  -- for a hundred runs and would read a table of a few thousand whole for them; an array it takes for ten.
  SELECT r.id FROM unnest(ARRAY(SELECT id FROM wanted)) AS own(id)
  JOIN wanted w ON w.id = own.id JOIN workflow_runs r ON r.id = own.id
  WHERE r.version = w.from_version AND r.generation = w.from_generation
  ORDER BY r.id FOR UPDATE OF r
), moved AS (
  UPDATE workflow_runs r SET
    state = w.state, state_reason = w.state_reason, failure = w.failure, generation = w.generation,
    event_seq = w.event_seq, version = r.version + 1, desired = w.desired, desired_at = w.desired_at,
    retry_task = w.retry_task, observed = w.observed, verdict = w.verdict, observed_ticket = w.observed_ticket,
    observed_at = w.observed_at, tasks_observed_at = w.tasks_observed_at, absent_since = w.absent_since,
    absences = w.absences, read_error = w.read_error, outputs = w.outputs, engine_url = w.engine_url,
    next_action_at = w.next_action_at, lease_token = w.lease_token, lease_until = w.lease_until,
    failures = w.failures, last_error = w.last_error, submitted_at = w.submitted_at, started_at = w.started_at,
    finished_at = w.finished_at, updated_at = clock_timestamp()
  FROM wanted w JOIN locked l ON l.id = w.id
  WHERE r.id = w.id AND r.version = w.from_version
  RETURNING r.id, w.from_version
), executed AS (
  INSERT INTO workflow_executions AS e (
    workflow_run_id, generation, key, verb, outcome, first_attempted_at, attempted_at, absent_since, absent_until,
    lookups, external_id, engine_uid, engine_epoch, baseline, cancel_sent_at, cancel_mode, pause_sent, ended_at, tombstone_until)
  SELECT w.id, w.generation, w.key, w.verb, w.outcome, w.first_attempted_at, w.attempted_at, w.key_absent_since,
    w.absent_until, w.lookups, w.external_id, w.engine_uid, w.engine_epoch, w.baseline, w.cancel_sent_at, w.cancel_mode, w.pause_sent,
    w.ended_at, w.tombstone_until
  FROM wanted w JOIN moved m ON m.id = w.id AND m.from_version = w.from_version
  ON CONFLICT (workflow_run_id, generation) DO UPDATE SET
    outcome = excluded.outcome, first_attempted_at = excluded.first_attempted_at, attempted_at = excluded.attempted_at,
    absent_since = excluded.absent_since, absent_until = excluded.absent_until, lookups = excluded.lookups,
    external_id = excluded.external_id, engine_uid = excluded.engine_uid, engine_epoch = excluded.engine_epoch, baseline = excluded.baseline,
    cancel_sent_at = excluded.cancel_sent_at, cancel_mode = excluded.cancel_mode, pause_sent = excluded.pause_sent,
    ended_at = excluded.ended_at, tombstone_until = excluded.tombstone_until
  WHERE (e.outcome, e.first_attempted_at, e.attempted_at, e.absent_since, e.absent_until, e.lookups, e.external_id, e.engine_uid,
         e.engine_epoch, e.baseline, e.cancel_sent_at, e.cancel_mode, e.pause_sent, e.ended_at, e.tombstone_until)
    IS DISTINCT FROM
        (excluded.outcome, excluded.first_attempted_at, excluded.attempted_at, excluded.absent_since, excluded.absent_until, excluded.lookups,
         excluded.external_id, excluded.engine_uid, excluded.engine_epoch, excluded.baseline, excluded.cancel_sent_at,
         excluded.cancel_mode, excluded.pause_sent, excluded.ended_at, excluded.tombstone_until)
), recorded AS (
  INSERT INTO lifecycle_events (workflow_run_id, seq, type, from_state, to_state, generation, source, actor, reason, at)
  SELECT n.id, n.seq, n.type, n.from_state, n.to_state, n.generation, n.source, n.actor, n.reason, clock_timestamp()
  FROM jsonb_to_recordset($2::jsonb) AS n(
    id bigint, from_version bigint, seq integer, type text, from_state text, to_state text, generation integer, source text, actor text,
    reason text)
  JOIN moved m ON m.id = n.id AND m.from_version = n.from_version
)
SELECT id, from_version AS "fromVersion" FROM moved`;

function toRow({ before, after, events }: Move): Record<string, unknown> {
  const execution = after.execution;
  return {
    id: before.id,
    from_version: before.version,
    from_generation: before.generation,
    state: after.state,
    state_reason: after.stateReason,
    failure: after.failure,
    generation: after.generation,
    event_seq: before.eventSeq + events.length,
    desired: after.desired,
    desired_at: after.desiredAt,
    retry_task: after.retryTask,
    observed: after.observed,
    verdict: after.verdict,
    observed_ticket: after.observedTicket,
    observed_at: after.observedAt,
    tasks_observed_at: after.tasksObservedAt,
    absent_since: after.absentSince,
    absences: after.absences,
    read_error: after.readError,
    outputs: after.outputs,
    engine_url: after.engineUrl,
    next_action_at: after.nextActionAt,
    lease_token: after.leaseToken,
    lease_until: after.leaseUntil,
    failures: after.failures,
    last_error: after.lastError,
    submitted_at: after.submittedAt,
    started_at: after.startedAt,
    finished_at: after.finishedAt,
    key: execution.key,
    verb: execution.verb,
    outcome: execution.outcome,
    first_attempted_at: execution.firstAttemptedAt,
    attempted_at: execution.attemptedAt,
    key_absent_since: execution.absentSince,
    absent_until: execution.absentUntil,
    lookups: execution.lookups,
    external_id: execution.externalId,
    engine_uid: execution.engineUid,
    engine_epoch: execution.engineEpoch,
    baseline: execution.baseline,
    cancel_sent_at: execution.cancelSentAt,
    cancel_mode: execution.cancelMode,
    pause_sent: execution.pauseSent,
    ended_at: execution.endedAt,
    tombstone_until: execution.tombstoneUntil,
  };
}

function toEventRows({ before, events }: Move): Record<string, unknown>[] {
  return events.map((event, index) => ({
    id: before.id,
    from_version: before.version,
    seq: before.eventSeq + 1 + index,
    type: event.type,
    from_state: event.from,
    to_state: event.to,
    generation: event.generation,
    source: event.source,
    actor: event.actor,
    reason: event.reason,
  }));
}
