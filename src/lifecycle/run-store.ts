/** Reads run records. Every record carries the database's clock at the moment of the read. */
import type { DefinitionFormat } from '../../adapters/spi/engine-adapter.js';
import type { Json } from '../../definition/definition-types.js';
import type { Db } from '../platform/database.js';
import { REFERENCE_SQL } from './execution-ref.js';
import type { Execution, RunRecord } from './run-record.js';

const COLUMNS = `
  r.id, r.project, r.workflow_id AS "workflowId", w.title AS "workflowTitle",
  w.version AS "workflowVersion", ${REFERENCE_SQL} AS "workflowReference",
  w.registration_state AS registration, r.workflow_engine AS "workflowEngine", r.token, r.traceparent, r.state,
  r.state_reason AS "stateReason", r.failure, r.generation, r.version, r.event_seq AS "eventSeq",
  r.desired, r.desired_at AS "desiredAt", r.retry_task AS "retryTask", r.observed, r.verdict,
  greatest(r.observed_ticket, CASE WHEN r.read_error IS NULL AND r.submitted_at < g.pass_began_at THEN g.pass_ticket END)
    AS "observedTicket",
  r.observed_at AS "observedAt", r.tasks_observed_at AS "tasksObservedAt", r.absent_since AS "absentSince", r.absences,
  r.read_error AS "readError", r.outputs, r.engine_url AS "engineUrl", r.next_action_at AS "nextActionAt",
  r.lease_token AS "leaseToken", r.lease_until AS "leaseUntil", r.failures, r.last_error AS "lastError",
  r.watched_until AS "watchedUntil", r.created_at AS "createdAt", r.submitted_at AS "submittedAt",
  r.started_at AS "startedAt", r.finished_at AS "finishedAt", clock_timestamp() AS "readAt",
  e.key, e.verb, e.outcome, e.first_attempted_at AS "firstAttemptedAt", e.attempted_at AS "attemptedAt",
  e.absent_since AS "keyAbsentSince", e.absent_until AS "absentUntil", e.lookups, e.external_id AS "externalId", e.engine_uid AS "engineUid",
  e.engine_epoch AS "engineEpoch", e.baseline, e.cancel_sent_at AS "cancelSentAt", e.cancel_mode AS "cancelMode",
  e.pause_sent AS "pauseSent", e.ended_at AS "endedAt", e.tombstone_until AS "tombstoneUntil"`;

const FROM = `
  workflow_runs r
  JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.generation = r.generation
  JOIN workflows w ON w.id = r.workflow_id
  LEFT JOIN engines g ON g.name = r.workflow_engine`;

export async function readRunRecords(db: Db, ids: number[]): Promise<RunRecord[]> {
  const { rows } = await db.query<FlatRow>({
    name: 'read-run-records',
    text: `SELECT ${COLUMNS} FROM ${FROM} WHERE r.id = ANY($1)`,
    values: [ids],
  });
  return rows.map(toRunRecord);
}

export async function readRunRecord(db: Db, id: number): Promise<RunRecord | undefined> {
  return (await readRunRecords(db, [id]))[0];
}

/** The records, held against other writers until the transaction ends. */
export async function lockRunRecords(db: Db, ids: number[]): Promise<RunRecord[]> {
  await db.query({
    name: 'lock-runs',
    text: 'SELECT FROM workflow_runs WHERE id = ANY($1) ORDER BY id FOR UPDATE',
    values: [ids],
  });
  // A statement of its own: one that waited for the lock would still see the execution row of the generation before.
  return readRunRecords(db, ids);
}

/** Ids of the runs to which these tokens belong. */
export async function findRunIdsByToken(db: Db, tokens: string[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>({
    name: 'find-run-ids-by-token',
    text: 'SELECT id FROM workflow_runs WHERE token = ANY($1)',
    values: [tokens],
  });
  return rows.map((row) => row.id);
}

/** One page of the active runs of an engine, by id; `after` is the last id of the page before. */
export async function readActiveRecords(db: Db, engine: string, after: number, limit: number): Promise<RunRecord[]> {
  const { rows } = await db.query<FlatRow>({
    name: 'read-active-records',
    text: `SELECT ${COLUMNS} FROM ${FROM}
           WHERE r.workflow_engine = $1 AND r.id > $2
             AND r.state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')
           ORDER BY r.id LIMIT $3`,
    values: [engine, after, limit],
  });
  return rows.map(toRunRecord);
}

/** Runs of an engine that ended within the last `sinceMs` by the database's clock, newest first. */
export async function readRecentlyEnded(db: Db, engine: string, sinceMs: number, limit: number): Promise<RunRecord[]> {
  const { rows } = await db.query<FlatRow>({
    name: 'read-recently-ended',
    text: `SELECT ${COLUMNS} FROM ${FROM}
           WHERE r.workflow_engine = $1 AND e.ended_at > now() - $2 * interval '1 millisecond' AND e.outcome = 'known'
             AND r.finished_at IS NOT NULL
           ORDER BY e.ended_at DESC LIMIT $3`,
    values: [engine, sinceMs, limit],
  });
  return rows.map(toRunRecord);
}

/** What a submit carries beside the record. */
export interface SubmissionParts {
  definitionFormat: DefinitionFormat;
  definition: string;
  definitionDigest: string;
  parameters: Record<string, Json>;
  labels: { key: string; value: string }[];
}

const PARTS = `
  w.definition_format AS "definitionFormat", w.definition, w.definition_digest AS "definitionDigest", r.parameters, coalesce((
    SELECT jsonb_agg(jsonb_build_object('key', l.key, 'value', l.value) ORDER BY l.key, l.value)
    FROM workflow_run_labels x JOIN labels l ON l.id = x.label_id WHERE x.workflow_run_id = r.id), '[]') AS labels`;

/** By the id of the run; a run that is gone is missing. */
export async function readSubmissionParts(db: Db, runIds: number[]): Promise<Map<number, SubmissionParts>> {
  const { rows } = await db.query<SubmissionParts & { id: number }>({
    name: 'read-submission-parts',
    text: `SELECT r.id, ${PARTS} FROM workflow_runs r JOIN workflows w ON w.id = r.workflow_id WHERE r.id = ANY($1)`,
    values: [runIds],
  });
  return new Map(rows.map(({ id, ...parts }) => [id, parts]));
}

/** A record, and what its submit carries where none was ever begun. */
export interface RunToDrive {
  run: RunRecord;
  parts: SubmissionParts | undefined;
  /** Read and not claimed: the lease in `run` is held once a write about the run is stored. */
  unclaimed?: true;
}

/** Most runs are claimed for their first submit: its parts come with their records, in one statement. */
export async function readRunsToDrive(db: Db, ids: number[]): Promise<RunToDrive[]> {
  const { rows } = await db.query<FlatRow & (SubmissionParts | Record<keyof SubmissionParts, null>)>({
    name: 'read-runs-to-drive',
    text: `SELECT ${COLUMNS}, p.* FROM ${FROM} LEFT JOIN LATERAL (SELECT ${PARTS}) p ON e.outcome = 'none'
           WHERE r.id = ANY($1)`,
    values: [ids],
  });
  return rows.map(({ definitionFormat, definition, definitionDigest, parameters, labels, ...row }) => ({
    run: toRunRecord(row),
    parts: definition === null ? undefined : { definitionFormat, definition, definitionDigest, parameters, labels },
  }));
}

/** Taken before an engine is asked; an answer is applied only over older tickets. */
export async function takeTicket(db: Db): Promise<{ ticket: number; at: Date }> {
  const { rows } = await db.query<{ ticket: number; at: Date }>({
    name: 'take-ticket',
    text: `SELECT nextval('observation_ticket') AS ticket, clock_timestamp() AS at`,
  });
  const row = rows[0];
  if (!row) throw new Error('the database gave no ticket');
  return row;
}

type FlatRow = Omit<RunRecord, 'execution'> &
  Omit<Execution, 'generation' | 'absentSince'> & { keyAbsentSince: Date | null };

function toRunRecord(row: FlatRow): RunRecord {
  const {
    key, verb, outcome, firstAttemptedAt, attemptedAt, keyAbsentSince, absentUntil, lookups, externalId, engineUid, engineEpoch,
    baseline, cancelSentAt, cancelMode, pauseSent, endedAt, tombstoneUntil, ...run
  } = row; // prettier-ignore
  return {
    ...run,
    execution: {
      generation: run.generation,
      key, verb, outcome, firstAttemptedAt, attemptedAt, absentSince: keyAbsentSince, absentUntil, lookups, externalId, engineUid,
      engineEpoch, baseline, cancelSentAt, cancelMode, pauseSent, endedAt, tombstoneUntil,
    }, // prettier-ignore
  };
}
