/** Reads of workflow runs. Nothing here calls an engine or knows one. */
import { RUN_STATES } from '../lifecycle/run-state.js';
import { RUN_LABELS, selectorConditions } from '../labels/label-selector-sql.js';
import type { Position } from '../lists/cursor.js';
import { endPage } from '../lists/end-page.js';
import { fillPage, shareOfPage, type FilledPage, type Part } from '../lists/fill-page.js';
import { pageSql } from '../lists/page-sql.js';
import { StatementValues } from '../lists/statement-values.js';
import type { Db } from '../platform/database.js';
import { preparedName } from './prepared-pages.js';
import { isOfOneState, type RunFilters, type RunList } from './run-list.js';
import { PAGE_COLUMNS, pageText, readPage, type ListedRun } from './run-page-text.js';
import { RUN_JOINS, runColumns, type RunRow, type ShownRun } from './run-row.js';

/** A run as a client names it. */
export interface RunName {
  project: string;
  id: number;
}

export async function readRun(db: Db, { project, id }: RunName, staleAfterMs: number): Promise<RunRow | undefined> {
  const { rows } = await db.query<RunRow>({
    name: 'runs.get',
    text: `SELECT ${runColumns('$3')} FROM workflow_runs r ${RUN_JOINS} WHERE r.id = $1 AND r.project = $2`,
    values: [id, project, staleAfterMs],
  });
  return rows[0];
}

/** Many at once, each as `readRun` would; in their order. */
export async function readRuns(
  db: Db,
  names: readonly RunName[],
  staleAfterMs: number,
): Promise<(RunRow | undefined)[]> {
  const [only] = names;
  if (only !== undefined && names.length === 1) return [await readRun(db, only, staleAfterMs)];
  const { rows } = await db.query<RunRow & { position: number }>({
    name: 'runs.get-many',
    text: `SELECT named.position::integer, ${runColumns('$3')}
      FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS named(id, project, position)
      JOIN workflow_runs r ON r.id = named.id AND r.project = named.project ${RUN_JOINS}`,
    values: [names.map((name) => name.id), names.map((name) => name.project), staleAfterMs],
  });
  const found = new Map(rows.map((row) => [row.position, row]));
  return names.map((_, index) => found.get(index + 1));
}

/** One page. It may be short, with a selector even empty, and still have a next one. */
export function listRuns(db: Db, list: RunList): Promise<FilledPage<ShownRun>> {
  return fillPage(list, (part) => readPart(db, { ...list, ...part }));
}

/** Undefined when a run is too large for a part of so many. */
async function readPart(db: Db, list: RunList): Promise<Part<ShownRun> | undefined> {
  const values = new StatementValues();
  const ranged = isOfOneState(list) ? ('state' as const) : undefined;
  const filters = filterSql(list.project, list.filters, values, ranged);
  const wanted = {
    ...list,
    table: 'workflow_runs',
    links: RUN_LABELS,
    columns: PAGE_COLUMNS,
    filters,
    ranged,
  } as const;
  const page = pageSql(wanted, values);
  const createdAt = list.orderBy === 'created_at';
  const order = page.order.replaceAll('page.', 'r.');
  const share = shareOfPage(list.limit);
  const text = `WITH ${page.ctes}
      SELECT shown.entries, shown.found, octet_length(shown.entries) AS bytes, ${page.examinedTo} AS "examinedTo"
      FROM (${pageText({ staleAfterMs: values.add(list.staleAfterMs), order, createdAt, share })}) shown`;
  const { rows } = await db.query<PageRow>({ ...preparedName(list, text), text, values: values.list });
  const { entries, found, bytes, examinedTo } = rows[0] ?? NO_ROW;
  const runs = readPage(entries, { createdAt });
  if (runs.length < found) return undefined;
  const positionOf = (run: ListedRun): Position => (run.createdAt === undefined ? [run.id] : [run.createdAt, run.id]);
  return { ...endPage(runs, list.limit, positionOf, examinedTo), bytes: bytes ?? 0 };
}

interface PageRow {
  entries: string | null;
  /** Those that are too large among them. */
  found: number;
  bytes: number | null;
  examinedTo: Position | null;
}

const NO_ROW: PageRow = { entries: null, found: 0, bytes: null, examinedTo: null };

/** The planner's guess of how many runs the filters select. */
export async function estimateRuns(db: Db, list: Pick<RunList, 'project' | 'filters' | 'terms'>): Promise<number> {
  const values = new StatementValues();
  const project = values.add(list.project);
  const where = [
    `r.project = ${project}`,
    ...filterSql(list.project, list.filters, values),
    ...selectorConditions(list.terms, RUN_LABELS, { id: 'r.id', project }, values),
  ];
  const { rows } = await db.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>({
    text: `EXPLAIN (FORMAT JSON) SELECT FROM workflow_runs r WHERE ${where.join(' AND ')}`,
    values: values.list,
  });
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}

function filterSql(project: string, filters: RunFilters, values: StatementValues, ranged?: 'state'): string[] {
  const conditions: string[] = [];
  const { states } = filters;
  if (states?.length === 1) {
    // One of our own words, in the text: a plan made for any state is not kept, since it takes them all to be rare.
    const word = ranged === 'state' ? RUN_STATES.find((state) => state === states[0]) : undefined;
    conditions.push(
      word === undefined ? `r.state = ${values.add(states[0])}` : `r.state >= '${word}' AND r.state <= '${word}'`,
    );
  } else if (states !== undefined) conditions.push(`r.state = ANY(${values.add(states)}::text[])`);
  if (filters.workflowTitle !== undefined || filters.workflowVersion !== undefined) {
    const named = [`project = ${values.add(project)}`];
    if (filters.workflowTitle !== undefined) named.push(`title = ${values.add(filters.workflowTitle)}`);
    if (filters.workflowVersion !== undefined) named.push(`version = ${values.add(filters.workflowVersion)}`);
    conditions.push(`r.workflow_id = ANY(ARRAY(SELECT id FROM workflows WHERE ${named.join(' AND ')}))`);
  }
  if (filters.workflowEngine !== undefined)
    conditions.push(`r.workflow_engine = ${values.add(filters.workflowEngine)}`);
  if (filters.externalId !== undefined) {
    conditions.push(`r.id IN (SELECT workflow_run_id FROM workflow_executions
      WHERE external_id = ${values.add(filters.externalId)})`);
  }
  if (filters.createdAfter !== undefined)
    conditions.push(`r.created_at > ${values.add(filters.createdAfter)}::timestamptz`);
  if (filters.createdBefore !== undefined) {
    conditions.push(`r.created_at < ${values.add(filters.createdBefore)}::timestamptz`);
  }
  return conditions;
}

/** Writers of labels of one run take turns, so that its limit holds; whoever drives the run is not kept waiting. */
export async function lockRunLabels(db: Db, id: number): Promise<void> {
  await db.query({
    name: 'runs.lock-labels',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('signalbox workflow run labels', $1))`,
    values: [id],
  });
}
