/** Case x engine: what the suite showed, kept per engine so that runs of several engines make one table. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type CaseResult = 'passed' | 'failed' | 'not run' | { notApplicable: string };

export interface EngineColumn {
  engine: string;
  /** RFC 3339. */
  finishedAt: string;
  results: Record<string, CaseResult>;
}

/** Under the folder that coverage reports use; nothing of it is committed. */
const FOLDER = join('coverage', 'conformance');

/** Stores an engine's results and answers the columns of every engine shown so far in this work tree. */
export function keepColumn(column: EngineColumn, folder = FOLDER): EngineColumn[] {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${column.engine}.json`), JSON.stringify(column, null, 2));
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as EngineColumn);
}

/** A table for people: one row per case, one column per engine, the reasons of what does not apply numbered below. */
export function matrixText(columns: readonly EngineColumn[]): string {
  const titles = [...new Set(columns.flatMap(({ results }) => Object.keys(results)))];
  const reasons: string[] = [];
  const cell = (result: CaseResult | undefined): string => {
    if (result === undefined) return '-';
    if (typeof result === 'string') return result;
    if (!reasons.includes(result.notApplicable)) reasons.push(result.notApplicable);
    return `n/a ${reasons.indexOf(result.notApplicable) + 1}`;
  };
  const header = ['case', ...columns.map(({ engine }) => engine)];
  const rows = titles.map((title) => [title, ...columns.map(({ results }) => cell(results[title]))]);
  const widths = header.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: string[]): string =>
    cells
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const counts = columns.map(({ engine, finishedAt, results }) => {
    const all = Object.values(results);
    const passed = all.filter((result) => result === 'passed').length;
    const failed = all.filter((result) => result === 'failed').length;
    const notRun = all.filter((result) => result === 'not run').length;
    const rest = all.length - passed - failed - notRun;
    return `${engine}: ${passed} passed, ${failed} failed, ${notRun} not run, ${rest} not applicable (${finishedAt})`;
  });
  return [
    line(header),
    line(widths.map((width) => '-'.repeat(width))),
    ...rows.map(line),
    '',
    ...reasons.map((reason, index) => `n/a ${index + 1}: ${reason}`),
    ...counts,
    '',
  ].join('\n');
}
