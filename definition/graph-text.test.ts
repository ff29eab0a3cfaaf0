import { describe, expect, test } from '@jest/globals';
import { toAscii, toDot, toMermaid } from './graph-text.js';
import { parseDefinition } from './parse-definition.js';
import type { GraphOfTasks } from './task-graph.js';
import { toTaskGraph } from './task-graph.js';

const DIAMOND = `
apiVersion: signalbox/v1
kind: Workflow
name: w
tasks:
  load: {run: x, needs: [clean, enrich]}
  clean: {run: x, needs: [extract]}
  enrich: {wait: 1s, needs: [extract], title: Look up}
  extract: {command: [x]}
`;

function diamond(): GraphOfTasks {
  const result = parseDefinition(DIAMOND);
  if (!result.ok) throw new Error('the diamond does not parse');
  return toTaskGraph(result.definition);
}

test('a definition gives its tasks in topological order with what comes after them', () => {
  expect(diamond()).toEqual({
    tasks: [
      { title: 'extract', type: 'command', downstream: ['clean', 'enrich'] },
      { title: 'clean', type: 'run', downstream: ['load'] },
      { title: 'enrich', displayName: 'Look up', type: 'wait', downstream: ['load'] },
      { title: 'load', type: 'run', downstream: [] },
    ],
  });
});

test('as mermaid', () => {
  expect(toMermaid(diamond()).split('\n')).toEqual([
    'flowchart LR',
    '  t1["extract"]',
    '  t2["clean"]',
    '  t3["Look up"]',
    '  t4["load"]',
    '  t1 --> t2',
    '  t1 --> t3',
    '  t2 --> t4',
    '  t3 --> t4',
    '',
  ]);
});

test('as dot', () => {
  expect(toDot(diamond()).split('\n').slice(3)).toEqual([
    '  "extract";',
    '  "clean";',
    '  "enrich" [label="Look up"];',
    '  "load";',
    '  "extract" -> "clean";',
    '  "extract" -> "enrich";',
    '  "clean" -> "load";',
    '  "enrich" -> "load";',
    '}',
    '',
  ]);
});

test('as text, by levels', () => {
  expect(toAscii(diamond())).toBe(
    ['1  extract', '2  clean    <- extract', '2  enrich   <- extract', '3  load     <- clean, enrich', ''].join('\n'),
  );
});

describe('titles of engines may hold anything', () => {
  const hostile = 'a"] --> b\n%%{init}%% <script>\\ \u001b[31m\u202e #quot; `x`';
  const graph: GraphOfTasks = {
    tasks: [
      { title: hostile, downstream: ['b', 'gone', 'b'] },
      { title: 'b', downstream: [hostile] },
    ],
  };

  test('mermaid keeps them inside their label', () => {
    const lines = toMermaid(graph).trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(/^ {2}t1\["[^"[\]<>`\n\\]*"\]$/);
    expect(lines.slice(3)).toEqual(['  t1 --> t2', '  t2 --> t1']);
  });

  test('dot escapes quotes and backslashes', () => {
    const lines = toDot(graph).trimEnd().split('\n');
    expect(lines).toHaveLength(8);
    for (const line of lines.slice(3, 5)) expect(line).toMatch(/^ {2}"([^"\\]|\\["\\])*";$/);
  });

  test('text shows no control characters, and a cycle does not hang it', () => {
    const text = toAscii(graph);
    expect(text.trimEnd().split('\n')).toHaveLength(2);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('an empty graph is empty', () => {
    expect([toAscii({ tasks: [] }).trim(), toMermaid({ tasks: [] })]).toEqual(['', 'flowchart LR\n']);
  });
});
