/** The example as each engine did it, kept so that runs of several engines make one table. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { markdownTable } from '../../src/platform/markdown-table.js';
import type { Outcome } from './parity.js';

/** Under the folder that coverage reports use; nothing of it is committed. */
const FOLDER = join('coverage', 'parity');
/** Characters of a cell. */
const WIDTH = 48;

/** The first two are the reference and the engine at hand; others are of runs before, as long as they are of this example. */
export function sideBySide(example: string, outcomes: Readonly<Record<string, Outcome>>, folder = FOLDER): string {
  mkdirSync(folder, { recursive: true });
  for (const [engine, outcome] of Object.entries(outcomes)) {
    writeFileSync(join(folder, `${engine}.json`), JSON.stringify({ example, outcome }));
  }
  const kept = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map(
      (file) =>
        [
          file.replace(/\.json$/, ''),
          JSON.parse(readFileSync(join(folder, file), 'utf8')) as { example: string; outcome: Outcome },
        ] as const,
    )
    .filter(([, { example: of }]) => of === example)
    .map(([engine, { outcome }]) => [engine, outcome] as const);
  return toTable(new Map([...Object.entries(outcomes), ...kept]));
}

function toTable(outcomes: ReadonlyMap<string, Outcome>): string {
  const columns = [...outcomes].map(([engine, outcome]) => [engine, toCells(outcome)] as const);
  const names = [...new Set(columns.flatMap(([, cells]) => [...cells.keys()]))];
  const rows = names.map((name) => {
    const cells = columns.map(([, row]) => row.get(name) ?? '-');
    return [name, ...cells.map(shortened), cells.every((cell) => cell === cells[0]) ? 'equal' : 'DIFFERENT'];
  });
  return markdownTable(['', ...columns.map(([engine]) => engine), ''], rows);
}

function toCells({ phase, failureCode, outputs, tasks, graph }: Outcome): ReadonlyMap<string, string> {
  const cells = new Map([['run', [phase, failureCode].filter(Boolean).join(' ')]]);
  for (const [name, value] of Object.entries(outputs as Record<string, unknown>)) {
    cells.set(`output ${name}`, JSON.stringify(value));
  }
  for (const [name, { state, reason, exitCode, outputs: given }] of Object.entries(tasks)) {
    const exit = exitCode === undefined ? undefined : `exit ${exitCode}`;
    const made = isDeepStrictEqual(given, {}) ? undefined : JSON.stringify(given);
    cells.set(name, [state, reason, exit, made].filter(Boolean).join(' '));
  }
  for (const [name, downstream] of Object.entries(graph)) cells.set(`${name} ->`, downstream.join(' '));
  return cells;
}

function shortened(text: string): string {
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 3)}...`;
}
