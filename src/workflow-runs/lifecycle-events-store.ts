import { sqlTime } from '../lists/sql-time.js';
import type { RunState } from '../lifecycle/run-state.js';
import type { Db } from '../platform/database.js';

const EVENT_JSON = `json_strip_nulls(json_build_object('seq', e.seq, 'type', e.type, 'from', e.from_state,
    'to', e.to_state, 'generation', e.generation, 'source', e.source, 'actor', e.actor, 'reason', e.reason,
    'at', ${sqlTime('e.at')}))::text`;

export interface EventRow {
  seq: number;
  json: string;
}

/** Events of one run in their order, after `after`, `limit` + 1 at most. */
export async function listEvents(db: Db, runId: number, after: number, limit: number): Promise<EventRow[]> {
  const { rows } = await db.query<EventRow>({
    name: 'lifecycle-events.list',
    text: `SELECT e.seq, ${EVENT_JSON} AS json FROM lifecycle_events e
           WHERE e.workflow_run_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3`,
    values: [runId, after, limit + 1],
  });
  return rows;
}

export interface NewsRow {
  runId: number;
  state: RunState;
  /** The latest event of the run. */
  lastSeq: number;
  /** Absent when there is none after the one asked from. */
  events: EventRow[] | null;
}

/** Events of one run that one look brings, at most; the rest comes with the next one. */
const MAX_NEWS = 100;

/**
 * What happened since: of many runs in one statement, each from its own `seq`. Runs without news are left out unless they
 * are in `fresh`, for which the caller wants to know the state in any case.
 */
export async function readNews(
  db: Db,
  watched: readonly { runId: number; seq: number; fresh: boolean }[],
): Promise<NewsRow[]> {
  const { rows } = await db.query<NewsRow>({
    name: 'lifecycle-events.news',
    text: `SELECT r.id AS "runId", r.state, r.event_seq AS "lastSeq", news.events
      FROM unnest($1::bigint[], $2::integer[], $3::boolean[]) AS w(id, seq, fresh)
      JOIN workflow_runs r ON r.id = w.id AND (w.fresh OR r.event_seq > w.seq)
      LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('seq', one.seq, 'json', one.json) ORDER BY one.seq) AS events
        FROM (SELECT e.seq, ${EVENT_JSON} AS json FROM lifecycle_events e
              WHERE e.workflow_run_id = r.id AND e.seq > w.seq ORDER BY e.seq LIMIT ${MAX_NEWS}) one
      ) news ON true`,
    values: [watched.map((one) => one.runId), watched.map((one) => one.seq), watched.map((one) => one.fresh)],
  });
  return rows;
}
