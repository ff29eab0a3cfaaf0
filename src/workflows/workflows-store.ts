/** Reads of workflows. */
import { WORKFLOW_LABELS } from '../labels/label-selector-sql.js';
import type { Position } from '../lists/cursor.js';
import { endPage } from '../lists/end-page.js';
import { fillPage, shareOfPage, type FilledPage, type Part } from '../lists/fill-page.js';
import { pageSql, type ListRequest } from '../lists/page-sql.js';
import { sqlExactTime } from '../lists/sql-time.js';
import { StatementValues } from '../lists/statement-values.js';
import type { Db } from '../platform/database.js';
import { workflowJson, type WorkflowRow } from './workflow-row.js';

const FACTS = `w.id, w.title, w.version, w.workflow_engine AS engine, w.registration_state AS "registrationState",
  w.archived_at IS NOT NULL AS archived, ${sqlExactTime('w.created_at')} AS "createdAt"`;
const WHOLE = `${FACTS}, w.parameter_schemas AS "parameterSchemas", ${workflowJson({ definition: true })} AS json`;
const LISTED = `${FACTS}, ${workflowJson({ definition: false })} AS json`;

type ListedWorkflow = Pick<WorkflowRow, 'id' | 'version' | 'createdAt' | 'json'>;

/** Columns of `ListedWorkflow` and `bytes`, of rows `shown` of LISTED; without its JSON where that is above the share. */
const withinShare = (
  share: string,
): string => `shown.id, shown.version, shown."createdAt", octet_length(shown.json) AS bytes,
  CASE WHEN octet_length(shown.json) <= ${share} THEN shown.json END AS json`;

interface MeasuredWorkflow extends Omit<ListedWorkflow, 'json'> {
  json: string | null;
  bytes: number;
}

/** Undefined when one is too large for the part. */
function toPart(
  found: readonly MeasuredWorkflow[],
  limit: number,
  positionOf: (row: ListedWorkflow) => Position,
  examinedTo?: Position | null,
): Part<ListedWorkflow> | undefined {
  const whole = found.filter((row): row is MeasuredWorkflow & ListedWorkflow => row.json !== null);
  if (whole.length < found.length) return undefined;
  const page = endPage(whole, limit, positionOf, examinedTo);
  return { ...page, bytes: page.rows.reduce((sum, row) => sum + row.bytes, 0) };
}

/** One version, archived or not. */
export async function readWorkflow(
  db: Db,
  project: string,
  title: string,
  version: number,
): Promise<WorkflowRow | undefined> {
  const { rows } = await db.query<WorkflowRow>({
    name: 'workflows.get',
    text: `SELECT ${WHOLE} FROM workflows w WHERE w.project = $1 AND w.title = $2 AND w.version = $3::bigint`,
    values: [project, title, version],
  });
  return rows[0];
}

export async function readWorkflowById(db: Db, project: string, id: number): Promise<WorkflowRow | undefined> {
  const { rows } = await db.query<WorkflowRow>({
    name: 'workflows.get-by-id',
    text: `SELECT ${WHOLE} FROM workflows w WHERE w.id = $1 AND w.project = $2`,
    values: [id, project],
  });
  return rows[0];
}

/** What a run needs of its version. Without a version it is the latest READY one, else the latest PENDING one. */
export async function readRunnableWorkflow(
  db: Db,
  project: string,
  title: string,
  version: number | undefined,
): Promise<Omit<WorkflowRow, 'json' | 'createdAt'> | undefined> {
  const { rows } = await db.query<Omit<WorkflowRow, 'json' | 'createdAt'>>({
    name: 'workflows.runnable',
    text: `SELECT ${FACTS}, w.parameter_schemas AS "parameterSchemas" FROM workflows w
      WHERE w.project = $1 AND w.title = $2
        AND CASE WHEN $3::integer IS NULL THEN w.archived_at IS NULL ELSE w.version = $3 END
      ORDER BY array_position(ARRAY['READY', 'PENDING'], w.registration_state) NULLS LAST, w.version DESC LIMIT 1`,
    values: [project, title, version ?? null],
  });
  return rows[0];
}

/** One page, newest first. Undefined when the project has no such title. */
export async function listVersions(
  db: Db,
  project: string,
  title: string,
  options: { position?: Position | undefined; archived: boolean; limit: number },
): Promise<FilledPage<ListedWorkflow> | undefined> {
  const page = await fillPage({ ...options, skip: 0 }, async ({ position, limit }) => {
    const { rows } = await db.query<MeasuredWorkflow>({
      name: 'workflows.versions',
      text: `SELECT ${withinShare('$6::bigint')} FROM (
          SELECT ${LISTED} FROM workflows w
          WHERE w.project = $1 AND w.title = $2 AND ($3::integer IS NULL OR w.version < $3)
            AND ($4 OR w.archived_at IS NULL)
          ORDER BY w.version DESC LIMIT $5
        ) shown ORDER BY shown.version DESC`,
      values: [project, title, position?.[0] ?? null, options.archived, limit + 1, shareOfPage(limit)],
    });
    return toPart(rows, limit, (row) => [row.version]);
  });
  if (page.rows.length > 0) return page;
  const { rowCount } = await db.query({
    name: 'workflows.title',
    text: 'SELECT FROM workflow_titles WHERE project = $1 AND title = $2',
    values: [project, title],
  });
  return rowCount === 0 ? undefined : page;
}

/** The newest version that is not archived, whole. */
export async function readLatestVersion(db: Db, project: string, title: string): Promise<WorkflowRow | undefined> {
  const { rows } = await db.query<WorkflowRow>({
    name: 'workflows.latest',
    text: `SELECT ${WHOLE} FROM workflows w WHERE w.project = $1 AND w.title = $2 AND w.archived_at IS NULL
      ORDER BY w.version DESC LIMIT 1`,
    values: [project, title],
  });
  return rows[0];
}

export interface WorkflowFilters {
  title?: string | undefined;
  version?: number | undefined;
  engine?: string | undefined;
  states?: string[] | undefined;
  createdAfter?: string | undefined;
  createdBefore?: string | undefined;
  /** True = archived ones too. */
  archived: boolean;
}

export interface WorkflowList extends ListRequest {
  filters: WorkflowFilters;
}

/** One page. It may be short, with a selector even empty, and still have a next one. */
export function listWorkflows(db: Db, list: WorkflowList): Promise<FilledPage<ListedWorkflow>> {
  return fillPage(list, (part) => readPart(db, { ...list, ...part }));
}

async function readPart(db: Db, list: WorkflowList): Promise<Part<ListedWorkflow> | undefined> {
  const values = new StatementValues();
  const page = pageSql(
    { ...list, table: 'workflows', links: WORKFLOW_LABELS, filters: filterSql(list.filters, values) },
    values,
  );
  const { rows } = await db.query<MeasuredWorkflow & { examinedTo: Position | null }>({
    text: `WITH ${page.ctes}
      SELECT ${withinShare(String(shareOfPage(list.limit)))}, ends.examined_to AS "examinedTo"
      FROM (SELECT ${page.examinedTo} AS examined_to) ends
      LEFT JOIN (SELECT ${LISTED} FROM page JOIN workflows w ON w.id = page.id OFFSET 0) shown ON true
      ORDER BY ${page.order.replaceAll('page.id', 'shown.id').replaceAll('page.created_at', 'shown."createdAt"')}`,
    values: values.list,
  });
  const found = rows.filter((row) => row.id !== null);
  const positionOf = (row: ListedWorkflow): Position => (list.orderBy === 'id' ? [row.id] : [row.createdAt, row.id]);
  return toPart(found, list.limit, positionOf, rows[0]?.examinedTo);
}

/** The planner's guess of how many workflows the filters select, labels not counted. */
export async function estimateWorkflows(db: Db, project: string, filters: WorkflowFilters): Promise<number> {
  const values = new StatementValues();
  const where = [`r.project = ${values.add(project)}`, ...filterSql(filters, values)].join(' AND ');
  const { rows } = await db.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>({
    text: `EXPLAIN (FORMAT JSON) SELECT FROM workflows r WHERE ${where}`,
    values: values.list,
  });
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

function filterSql(filters: WorkflowFilters, values: StatementValues): string[] {
  const conditions: string[] = [];
  if (!filters.archived) conditions.push('r.archived_at IS NULL');
  if (filters.title !== undefined) conditions.push(`r.title = ${values.add(filters.title)}`);
  if (filters.version !== undefined) conditions.push(`r.version = ${values.add(filters.version)}`);
  if (filters.engine !== undefined) conditions.push(`r.workflow_engine = ${values.add(filters.engine)}`);
  if (filters.states !== undefined) {
    conditions.push(`r.registration_state = ANY(${values.add(filters.states)}::text[])`);
  }
  if (filters.createdAfter !== undefined) {
    conditions.push(`r.created_at > ${values.add(filters.createdAfter)}::timestamptz`);
  }
  if (filters.createdBefore !== undefined) {
    conditions.push(`r.created_at < ${values.add(filters.createdBefore)}::timestamptz`);
  }
  return conditions;
}
