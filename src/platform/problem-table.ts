import { markdownTable } from './markdown-table.js';
import { PROBLEM_CODES, PROBLEMS } from './problem-catalogue.js';

/** The table of docs/problems.md, as Markdown. */
export function problemTable(): string {
  const rows = PROBLEM_CODES.map((code) => [`\`${code}\``, String(PROBLEMS[code].status), PROBLEMS[code].title]);
  return markdownTable(['code', 'status', 'title'], rows);
}
