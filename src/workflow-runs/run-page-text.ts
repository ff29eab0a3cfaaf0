/**
 * A page of runs as one text. Of a page with a column for each part of each run, Node spends more time on taking rows and
 * columns apart than on the answer.
 */
import { JSON_LABELS } from '../lists/sql-json.js';
import { sqlExactTime } from '../lists/sql-time.js';
import { RUN_JOINS, shownParts, type ShownRun } from './run-row.js';

/** Columns of `workflow_runs` that a page is made of: it comes with them, so that no run is looked up a second time. */
export const PAGE_COLUMNS = [
  'id',
  'workflow_id',
  'workflow_engine',
  'origin',
  'parameters',
  'state',
  'state_reason',
  'failure',
  'generation',
  'desired',
  'desired_at',
  'observed_at',
  'read_error',
  'absent_since',
  'outputs',
  'engine_url',
  'last_error',
  'created_at',
  'updated_at',
  'submitted_at',
  'started_at',
  'finished_at',
] as const;

/** A run of a page, and its time of creation where the list is ordered by it. */
export interface ListedRun extends ShownRun {
  /** With microseconds, for cursors. */
  createdAt: string | undefined;
}

/** Of ASCII, for this very use. JSON texts, words of ours and names of engines hold no control characters. */
const SEPARATOR = '\x1f';
const SQL_SEPARATOR = `E'\\x1f'`;
const PARTS = ['id', 'situation', 'staleCause', 'head', 'times', 'values'] as const satisfies (keyof ShownRun)[];

/** Labels of all runs of `page` at once. */
const PAGE_LABELS = `LEFT JOIN (
    SELECT p.id, ${JSON_LABELS} AS labels
    FROM page p JOIN workflow_run_labels l ON l.workflow_run_id = p.id JOIN labels k ON k.id = l.label_id GROUP BY p.id
  ) marks ON marks.id = r.id`;

export interface PageTextOptions {
  staleAfterMs: string;
  /** An ORDER BY on the row `r`. */
  order: string;
  createdAt: boolean;
  /** Bytes that a run may have; one that has more is counted and not shown. */
  share: number;
}

/** Without the placeholder: putting one together takes as long as reading a page. */
const texts = new Map<boolean, string>();
const STALE_AFTER = '@staleAfterMs';

/** SELECT of the runs of `page` as one text `entries`, NULL when there are none, and how many were `found`. */
export function pageText({ staleAfterMs, order, createdAt, share }: PageTextOptions): string {
  let text = texts.get(createdAt);
  if (text === undefined) texts.set(createdAt, (text = newEntryText(createdAt)));
  return `SELECT count(*) AS found,
        string_agg(r.entry, ${SQL_SEPARATOR} ORDER BY ${order}) FILTER (WHERE octet_length(r.entry) <= ${share}) AS entries
      FROM (${text.replaceAll(STALE_AFTER, () => staleAfterMs)}) r`;
}

/** Its `clock_timestamp()` keeps PostgreSQL from writing an entry twice, to measure it and to show it. */
function newEntryText(createdAt: boolean): string {
  const sql = shownParts(STALE_AFTER, 'marks.labels');
  const parts = [...PARTS.map((part) => sql[part]), ...(createdAt ? [sqlExactTime('r.created_at')] : [])];
  return `SELECT r.id, r.created_at, concat(${parts.join(`, ${SQL_SEPARATOR}, `)}) AS entry
      FROM page r ${RUN_JOINS} ${PAGE_LABELS}`;
}

/** The runs in such a text. */
export function readPage(entries: string | null, options: { createdAt: boolean }): ListedRun[] {
  if (entries === null) return [];
  const parts = entries.split(SEPARATOR);
  const width = PARTS.length + (options.createdAt ? 1 : 0);
  const runs: ListedRun[] = [];
  for (let at = 0; at < parts.length; at += width) {
    runs.push({
      id: Number(parts[at]),
      situation: parts[at + 1] ?? '',
      // NULL is nothing in a text.
      staleCause: parts[at + 2] || null,
      head: parts[at + 3] ?? '',
      times: parts[at + 4] ?? '',
      values: parts[at + 5] ?? '',
      createdAt: options.createdAt ? parts[at + 6] : undefined,
    });
  }
  return runs;
}
