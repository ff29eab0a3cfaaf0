import type { GraphOfTasks } from './task-graph.js';

/** A Mermaid flowchart. Titles may hold anything: nodes have names of ours, titles stand as escaped labels. */
export function toMermaid(graph: GraphOfTasks): string {
  const names = numbered(graph);
  const lines = ['flowchart LR'];
  for (const { title, displayName } of graph.tasks) {
    lines.push(`  ${names.get(title)}["${mermaidText(displayName ?? title)}"]`);
  }
  for (const [from, to] of edges(graph)) lines.push(`  ${names.get(from)} --> ${names.get(to)}`);
  return `${lines.join('\n')}\n`;
}

/** A Graphviz digraph. */
export function toDot(graph: GraphOfTasks): string {
  const lines = ['digraph workflow {', '  rankdir=LR;', '  node [shape=box];'];
  for (const { title, displayName } of graph.tasks) {
    const label = displayName === undefined ? '' : ` [label=${dotText(displayName)}]`;
    lines.push(`  ${dotText(title)}${label};`);
  }
  for (const [from, to] of edges(graph)) lines.push(`  ${dotText(from)} -> ${dotText(to)};`);
  return `${[...lines, '}'].join('\n')}\n`;
}

/**
 * The tasks by levels, each with what it needs: a task stands one level behind the last of its needs.
 *
 *     1  extract
 *     2  clean     <- extract
 *     2  enrich    <- extract
 *     3  load      <- clean, enrich
 */
export function toAscii(graph: GraphOfTasks): string {
  const upstream = new Map<string, string[]>(graph.tasks.map(({ title }) => [title, []]));
  for (const [from, to] of edges(graph)) upstream.get(to)?.push(from);
  const levels = levelsOf(upstream);
  const rows = graph.tasks
    .map(({ title }) => ({ title, level: levels.get(title) ?? 0, needs: upstream.get(title) ?? [] }))
    .sort((a, b) => a.level - b.level || (a.title < b.title ? -1 : 1));
  const width = Math.max(0, ...rows.map(({ title }) => plainText(title).length));
  const digits = String(Math.max(0, ...rows.map(({ level }) => level))).length;
  return rows
    .map(({ title, level, needs }) => {
      const arrow = needs.length === 0 ? '' : `  <- ${needs.map(plainText).sort().join(', ')}`;
      return `${String(level).padStart(digits)}  ${plainText(title).padEnd(width)}${arrow}`.trimEnd();
    })
    .join('\n')
    .concat('\n');
}

/** Edges between tasks that are in the graph, in its order. */
function edges(graph: GraphOfTasks): [string, string][] {
  const known = new Set(graph.tasks.map(({ title }) => title));
  return graph.tasks.flatMap(({ title, downstream }) =>
    [...new Set(downstream)].filter((to) => known.has(to)).map((to): [string, string] => [title, to]),
  );
}

function numbered(graph: GraphOfTasks): Map<string, string> {
  return new Map(graph.tasks.map(({ title }, index) => [title, `t${index + 1}`]));
}

/** Level of each task from 1; those on a cycle, which only a foreign engine could describe, get 0. */
function levelsOf(upstream: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const levels = new Map<string, number>();
  const open = new Map([...upstream].map(([title, needs]) => [title, needs.length]));
  const downstream = new Map<string, string[]>();
  for (const [title, needs] of upstream) {
    for (const need of needs) downstream.set(need, (downstream.get(need) ?? []).concat(title));
  }
  let ready = [...upstream.keys()].filter((title) => open.get(title) === 0);
  for (let level = 1; ready.length > 0; level++) {
    const next: string[] = [];
    for (const title of ready) {
      levels.set(title, level);
      for (const after of downstream.get(title) ?? []) {
        const left = (open.get(after) ?? 0) - 1;
        open.set(after, left);
        if (left === 0) next.push(after);
      }
    }
    ready = next;
  }
  return levels;
}

/** Mermaid reads HTML and Markdown inside labels; entities in its own notation are all it leaves alone. */
function mermaidText(text: string): string {
  return plainText(text).replace(/[^A-Za-z0-9 .,_:/+\-\u0080-\u{10ffff}]/gu, (sign) => `#${sign.codePointAt(0)};`);
}

function dotText(text: string): string {
  return `"${plainText(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** One line, without signs that move a cursor or hide text. */
function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, ' ');
}
