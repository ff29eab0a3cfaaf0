import {
  MAX_CANDIDATES,
  driverSql,
  selectorConditions,
  splitDriver,
  type LabelLinks,
} from '../labels/label-selector-sql.js';
import type { LabelTerm } from '../labels/label-selector.js';
import type { Position } from './cursor.js';
import { sqlExactTime } from './sql-time.js';
import type { StatementValues } from './statement-values.js';

/** What a list asks for, whatever it lists. */
export interface ListRequest {
  project: string;
  terms: LabelTerm[];
  orderBy: 'id' | 'created_at';
  direction: 'asc' | 'desc';
  /** [id] or [created_at, id] of the last entry before this page. */
  position?: Position | undefined;
  limit: number;
  skip: number;
}

/** Which entries of a table with `id`, `project` and `created_at` one page holds. */
export interface PageRequest extends ListRequest {
  table: 'workflow_runs' | 'workflows';
  links: LabelLinks;
  /** Conditions on the row `r`. */
  filters: string[];
  /** Columns of the table that `page` brings along, `id` and `created_at` among them; without it those two alone. */
  columns?: readonly string[] | undefined;
  /**
   * A column of `r` that the filters hold to one value, written as a range. It then comes first in the order, which one index
   * alone has. With `=` the planner takes any index in the order of the ids, and walks over all that is active to the first
   * run that ended.
   */
  ranged?: 'state' | undefined;
}

export interface PageSql {
  /** For a WITH clause: `page` with its columns, one entry more than the limit when there is a next page. */
  ctes: string;
  /** ORDER BY of an outer query that joins `page`. */
  order: string;
  /** A JSON position up to which candidates were examined, when the page is short although there may be more; else NULL. */
  examinedTo: string;
}

/**
 * Picks the page on an index and nothing else; what the caller shows of its rows comes along, the rest it joins. With a selector that no index answers
 * alone, a bounded number of candidates is looked at: such a page may be short, or empty, and still have a next one.
 */
export function pageSql(request: PageRequest, values: StatementValues): PageSql {
  const { table, links, direction, position, terms } = request;
  const project = values.add(request.project);
  const byId = request.orderBy === 'id';
  const column = (alias: string): string => (byId ? `${alias}.id` : `(${alias}.created_at, ${alias}.id)`);
  const order = byId ? `page.id ${direction}` : `page.created_at ${direction}, page.id ${direction}`;
  const sorted = (alias: string): string => order.replaceAll('page.', `${alias}.`);
  const beyond = direction === 'desc' ? '<' : '>';
  const after =
    position === undefined
      ? undefined
      : byId
        ? values.add(position[0])
        : `(${values.add(position[0])}::timestamptz, ${values.add(position[1])}::bigint)`;
  const cursor = after === undefined ? [] : [`${column('r')} ${beyond} ${after}`];
  const idCursor = after !== undefined && byId ? `@id ${beyond} ${after}` : undefined;
  // A number of ours, and part of the text: a plan made for any limit is one for a large part of the table.
  const offset = request.skip === 0 ? '' : ` OFFSET ${values.add(request.skip)}`;
  const wanted = `LIMIT ${Math.trunc(request.limit) + 1}${offset}`;
  const own = [`r.project = ${project}`];
  // With a plain `=` the project leaves the order, and where one has nearly all entries a plan that is kept goes by the ids alone,
  // over all of them to those of another project. So the project stays in it, and one index has it.
  const inOrder = byId ? [`r.project = ANY(ARRAY[${project}])`] : own;
  /** Before the ids, which the indexes have the other way round. */
  const first = (column: string): string => `${column} ${direction === 'desc' ? 'asc' : 'desc'}, `;
  const columns = (request.columns ?? ['id', 'created_at']).map((name) => `r.${name}`).join(', ');

  if (terms.length === 0) {
    const unfiltered = request.filters.length === 0;
    const where = [...(unfiltered ? inOrder : own), ...cursor, ...request.filters].join(' AND ');
    const leading = unfiltered && byId ? 'project' : request.ranged;
    const sort = `${leading === undefined ? '' : first(`r.${leading}`)}${sorted('r')}`;
    return {
      ctes: `page AS (SELECT ${columns} FROM ${table} r WHERE ${where} ORDER BY ${sort} ${wanted})`,
      order,
      examinedTo: 'NULL::json',
    };
  }

  const { driver, rest } = byId ? splitDriver(terms) : { driver: undefined, rest: terms };
  const bound = String(MAX_CANDIDATES + Math.trunc(request.skip));
  const keys = byId ? 'r.project, r.id' : 'r.created_at, r.id';
  const scan =
    driver === undefined
      ? `SELECT ${keys} FROM ${table} r WHERE ${[...inOrder, ...cursor].join(' AND ')}
          ORDER BY ${byId ? first('r.project') : ''}${sorted('r')} LIMIT ${bound}`
      : driverSql(driver, links, { project, cursor: idCursor, direction, limit: bound }, values);
  const ofRow = ['r.id = c.id', ...own, ...request.filters].join(' AND ');
  // Of the candidate and not of the row: what does not fit is left before its row is read.
  const ofLabels = selectorConditions(rest, links, { id: 'c.id', project, cursor: idCursor }, values);
  const fits = ofLabels.length === 0 ? '' : `WHERE ${ofLabels.join(' AND ')}`;
  // As the candidates come, so that a page that is full asks for no more of them.
  const asTheyCome = `${byId && driver === undefined ? first('c.project') : ''}${sorted('c')}`;
  const last = direction === 'desc' ? 'asc' : 'desc';
  const end = byId
    ? `json_build_array(${direction === 'desc' ? 'min' : 'max'}(c.id))`
    : `(SELECT json_build_array(${sqlExactTime('e.created_at')}, e.id) FROM candidates e
        ORDER BY e.created_at ${last}, e.id ${last} LIMIT 1)`;
  return {
    // The row of each candidate by itself: a planner that joins them walks over all rows in the order of the page, and looks at
    // every candidate for each of them.
    ctes: `candidates AS MATERIALIZED (${scan}),
      page AS (SELECT ${columns} FROM candidates c
        CROSS JOIN LATERAL (SELECT ${columns} FROM ${table} r WHERE ${ofRow} OFFSET 0) r ${fits} ORDER BY ${asTheyCome} ${wanted})`,
    order,
    // Counted only when the page is short, so that a full page reads no more candidates than it needs.
    examinedTo: `CASE WHEN (SELECT count(*) FROM page) <= ${Math.trunc(request.limit)}
      THEN (SELECT CASE WHEN count(*) >= ${bound} THEN ${end} END FROM candidates c) END`,
  };
}
