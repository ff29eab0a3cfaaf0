import { RUN_LABELS } from '../labels/label-selector-sql.js';
import type { LabelTerm } from '../labels/label-selector.js';
import { ACTIVE_RUN_STATES } from '../lifecycle/run-state.js';
import type { Position } from '../lists/cursor.js';
import { endPage } from '../lists/end-page.js';
import { pageSql } from '../lists/page-sql.js';
import { StatementValues } from '../lists/statement-values.js';
import type { Db } from '../platform/database.js';

export interface ActiveRuns {
  project: string;
  engine?: string | undefined;
  terms: LabelTerm[];
  position?: Position | undefined;
  limit: number;
}

export interface ActiveRunsPage {
  /** Oldest first. */
  rows: { id: number; engine: string }[];
  /** Where the next page starts; absent = this is the last one. */
  next?: Position | undefined;
}

/** Which runs are active, and on which engine: nothing of them that may be large. Pages are as those of `listRuns`. */
export async function listActiveRuns(db: Db, { engine, ...list }: ActiveRuns): Promise<ActiveRunsPage> {
  const values = new StatementValues();
  const filters = [`r.state = ANY(${values.add(ACTIVE_RUN_STATES)}::text[])`];
  if (engine !== undefined) filters.push(`r.workflow_engine = ${values.add(engine)}`);
  const page = pageSql(
    {
      ...list,
      table: 'workflow_runs',
      links: RUN_LABELS,
      columns: ['id', 'workflow_engine'],
      filters,
      orderBy: 'id',
      direction: 'asc',
      skip: 0,
    },
    values,
  );
  const { rows } = await db.query<{ ids: number[]; engines: string[]; examinedTo: Position | null }>({
    text: `WITH ${page.ctes}
      SELECT coalesce(json_agg(page.id ORDER BY ${page.order}), '[]') AS ids,
        coalesce(json_agg(page.workflow_engine ORDER BY ${page.order}), '[]') AS engines, ${page.examinedTo} AS "examinedTo"
      FROM page`,
    values: values.list,
  });
  const { ids = [], engines = [], examinedTo = null } = rows[0] ?? {};
  const found = ids.map((id, index) => ({ id, engine: engines[index] ?? '' }));
  return endPage(found, list.limit, (run) => [run.id], examinedTo);
}
