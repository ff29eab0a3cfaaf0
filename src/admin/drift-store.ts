import { sqlTime } from '../lists/sql-time.js';
import type { Db } from '../platform/database.js';
import type { DriftKind } from './drift.dto.js';

export interface DriftRequest {
  project: string;
  kind: DriftKind | undefined;
  engine: string | undefined;
  /** Entries with smaller ids. */
  before: number | undefined;
  limit: number;
}

/** Open entries, newest first: of runs and workflows of the project, and those that belong to no run and so to no project. */
export async function listDrift(db: Db, request: DriftRequest): Promise<{ id: number; json: string }[]> {
  const { rows } = await db.query<{ id: number; json: string }>({
    name: 'admin.drift',
    text: `
      SELECT d.id, json_strip_nulls(json_build_object('id', d.id, 'workflow_engine', d.workflow_engine, 'kind', d.kind,
        'workflow_run_id', d.workflow_run_id, 'workflow_id', d.workflow_id, 'external_id', d.external_id, 'detail', d.detail,
        'first_seen_at', ${sqlTime('d.first_seen_at')}, 'last_seen_at', ${sqlTime('d.last_seen_at')}))::text AS json
      FROM drift d LEFT JOIN workflow_runs r ON r.id = d.workflow_run_id LEFT JOIN workflows w ON w.id = d.workflow_id
      WHERE d.resolved_at IS NULL AND (d.workflow_run_id IS NULL OR r.project = $1) AND (d.workflow_id IS NULL OR w.project = $1)
        AND ($2::text IS NULL OR d.kind = $2) AND ($3::text IS NULL OR d.workflow_engine = $3)
        AND ($4::bigint IS NULL OR d.id < $4)
      ORDER BY d.id DESC LIMIT $5`,
    values: [request.project, request.kind ?? null, request.engine ?? null, request.before ?? null, request.limit],
  });
  return rows;
}
