import type { StatementValues } from '../lists/statement-values.js';
import { assertNever } from '../platform/assert-never.js';
import type { LabelTerm } from './label-selector.js';

/** A table that links labels to objects: primary key (label_id, object), a second index the other way round. */
export interface LabelLinks {
  table: 'workflow_run_labels' | 'workflow_labels';
  object: 'workflow_run_id' | 'workflow_id';
}

export const RUN_LABELS: LabelLinks = { table: 'workflow_run_labels', object: 'workflow_run_id' };
export const WORKFLOW_LABELS: LabelLinks = { table: 'workflow_labels', object: 'workflow_id' };

/** Candidates one page looks at when terms or filters have to be checked one by one. */
export const MAX_CANDIDATES = 1000;

/** Values of one term whose links are merged in their order, so that no more of them are read than are looked at. */
const MERGED_VALUES = 16;

/** Labels of one key that are hashed for a page; of a key with more of them each link's label is looked up. */
const HASHED_LABELS = 1000;

/**
 * Keeps the planner from making a join of a condition: of what it knows about labels the links of a common one look fewer than
 * the candidates, and it would read them all. Each candidate is looked up by itself.
 */
const EACH = 'OFFSET 0';

/**
 * Splits off the term that can page by itself: the first `in`. On a link table's primary key its entries stand in order
 * of the objects' ids, which makes any page of a list ordered by id cheap, however many objects there are.
 */
export function splitDriver(terms: LabelTerm[]): { driver?: LabelTerm & { op: 'in' }; rest: LabelTerm[] } {
  const index = terms.findIndex((term) => term.op === 'in');
  const driver = terms[index];
  if (driver?.op !== 'in') return { rest: terms };
  return { driver: { ...driver, op: 'in' }, rest: terms.filter((_, at) => at !== index) };
}

/**
 * SQL for the ids that the driver selects, in order, `limit` at most, as column `id`. `cursor` is a condition on the
 * placeholder column `@id` (for example `@id < $4`): it stands inside every scan of the links.
 */
export function driverSql(
  term: LabelTerm & { op: 'in' },
  links: LabelLinks,
  options: { project: string; cursor?: string | undefined; direction: 'asc' | 'desc'; limit: string },
  values: StatementValues,
): string {
  const { table, object } = links;
  const within = options.cursor === undefined ? '' : `AND ${options.cursor.replaceAll('@id', `l.${object}`)}`;
  const ordered = `ORDER BY l.${object} ${options.direction} LIMIT ${options.limit}`;
  if (term.values.length === 1) {
    return `SELECT l.${object} AS id FROM ${table} l
      WHERE l.label_id = ${oneLabel(term.key, term.values[0] ?? '', options.project, values)} ${within} ${ordered}`;
  }
  if (term.values.length <= MERGED_VALUES) {
    const scans = term.values.map(
      (value) =>
        `(SELECT l.${object} AS id FROM ${table} l
          WHERE l.label_id = ${oneLabel(term.key, value, options.project, values)} ${within} ${ordered})`,
    );
    // A window and no DISTINCT, for which the planner would read and sort them all: a run with two of the labels comes twice in a row.
    return `SELECT one.id FROM (
      SELECT each.id, lag(each.id) OVER (ORDER BY each.id ${options.direction}) AS before FROM (${scans.join(' UNION ALL ')}) each
    ) one WHERE one.id IS DISTINCT FROM one.before ORDER BY one.id ${options.direction} LIMIT ${options.limit}`;
  }
  return `SELECT DISTINCT one.id FROM unnest(${manyLabels(term.key, term.values, options.project, values)}) AS label(id)
      CROSS JOIN LATERAL (
        SELECT l.${object} AS id FROM ${table} l WHERE l.label_id = label.id ${within} ${ordered}
      ) one ORDER BY one.id ${options.direction} LIMIT ${options.limit}`;
}

/**
 * Conditions on the object whose id is the SQL `id`; all of them must hold. The cursor stands in each: it tells
 * the planner how few of a label's links are meant.
 */
export function selectorConditions(
  terms: readonly LabelTerm[],
  links: LabelLinks,
  options: { id: string; project: string; cursor?: string | undefined },
  values: StatementValues,
): string[] {
  const { table, object } = links;
  const { id, project } = options;
  const within = options.cursor === undefined ? '' : `AND ${options.cursor.replaceAll('@id', `l.${object}`)}`;
  const present = (condition: string): string =>
    `EXISTS (SELECT 1 FROM ${table} l WHERE l.${object} = ${id} AND ${condition} ${within} ${EACH})`;
  const some = (condition: string): string => `coalesce(bool_or(${condition}), false)`;
  const conditions: string[] = [];
  const ofLinks: string[] = [];
  const refused: string[] = [];
  for (const term of terms) {
    switch (term.op) {
      case 'in':
        conditions.push(present(`l.label_id ${labelsOf(term.key, term.values, project, values)}`));
        break;
      case 'not-in':
        refused.push(`SELECT id FROM labels WHERE project = ${project} AND key = ${values.add(term.key)}
          AND value = ANY(${values.add(term.values)}::text[])`);
        break;
      case 'exists':
        ofLinks.push(some(hasKey(term.key, project, values)));
        break;
      case 'absent':
        ofLinks.push(`NOT ${some(hasKey(term.key, project, values))}`);
        break;
      default:
        assertNever('label term', term);
    }
  }
  // Any of them is one too many: they are looked for together, whatever their keys.
  if (refused.length > 0) ofLinks.push(`NOT ${some(`l.label_id IN (${refused.join(' UNION ALL ')})`)}`);
  if (ofLinks.length > 0) {
    // The links of a candidate are read once for all of these.
    conditions.push(`(SELECT ${ofLinks.join(' AND ')} FROM ${table} l WHERE l.${object} = ${id} ${within})`);
  }
  return conditions;
}

/** Whether the link `l` is to a label of the key. */
function hasKey(key: string, project: string, values: StatementValues): string {
  const named = values.add(key);
  // In the order of the index that finds them: for a key of which a plan takes many to be there, it would walk over all labels.
  const few = `SELECT k.id FROM labels k WHERE k.project = ${project} AND k.key = ${named}
    ORDER BY k.value LIMIT ${HASHED_LABELS + 1}`;
  return `CASE WHEN (SELECT count(*) FROM (${few}) f) <= ${HASHED_LABELS} THEN l.label_id IN (${few})
    ELSE (SELECT k.key FROM labels k WHERE k.id = l.label_id) = ${named} END`;
}

function labelsOf(key: string, wanted: string[], project: string, values: StatementValues): string {
  return wanted.length === 1
    ? `= ${oneLabel(key, wanted[0] ?? '', project, values)}`
    : `= ANY(${manyLabels(key, wanted, project, values)})`;
}

/** Looked up once per statement, before the scan that uses it. */
function oneLabel(key: string, value: string, project: string, values: StatementValues): string {
  return `(SELECT id FROM labels WHERE project = ${project} AND key = ${values.add(key)} AND value = ${values.add(value)})`;
}

function manyLabels(key: string, wanted: string[], project: string, values: StatementValues): string {
  return `ARRAY(SELECT id FROM labels
    WHERE project = ${project} AND key = ${values.add(key)} AND value = ANY(${values.add(wanted)}::text[]))`;
}
