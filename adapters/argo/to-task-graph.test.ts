import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { JsonObject } from '../spi/http/read-answer.js';
import { needsOf, scopesIn, toTaskGraph } from './to-task-graph.js';

function graph(yaml: string, foreign: Record<string, JsonObject> = {}): Record<string, string[]> {
  const { tasks } = toTaskGraph(parse(yaml) as JsonObject, (scope, name) => foreign[`${scope}/${name}`]);
  return Object.fromEntries(tasks.map(({ title, downstream }) => [title, downstream]));
}

const SAY = '{name: say, container: {image: i, command: [echo]}}';

describe('toTaskGraph', () => {
  test.each([
    {
      reason: 'a template alone is one task of its own name',
      yaml: `{entrypoint: say, templates: [${SAY}]}`,
      expected: { say: [] },
    },
    {
      reason: 'steps: each group waits for the whole group before it',
      yaml: `
entrypoint: main
templates:
- name: main
  steps:
  - [{name: a, template: say}, {name: b, template: say}]
  - [{name: c, template: say}, {name: d, template: say}]
- ${SAY}`,
      expected: { a: ['c', 'd'], b: ['c', 'd'], c: [], d: [] },
    },
    {
      reason: 'both ways to write an edge, and an expression over ends',
      yaml: `
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: a, template: say}
    - {name: b, template: say, dependencies: [a]}
    - {name: c, template: say, depends: a.Failed}
    - {name: d, template: say, depends: "(b.Succeeded || b.Skipped) && !c"}
- ${SAY}`,
      expected: { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] },
    },
    {
      reason: 'nested: what ends the inner one leads to what follows it',
      yaml: `
entrypoint: main
templates:
- name: main
  dag:
    tasks:
    - {name: first, template: say}
    - {name: outer, template: inner, depends: first}
    - {name: last, template: say, depends: outer}
- name: inner
  steps:
  - [{name: one, template: say}]
  - [{name: two, template: say}]
- ${SAY}`,
      expected: { first: ['outer.one'], 'outer.one': ['outer.two'], 'outer.two': ['last'], last: [] },
    },
    {
      reason: 'an exit handler follows whatever ends the workflow',
      yaml: `
entrypoint: main
onExit: say
templates:
- name: main
  steps: [[{name: a, template: say}, {name: b, template: say}]]
- ${SAY}`,
      expected: { a: ['onExit'], b: ['onExit'], onExit: [] },
    },
    {
      reason: 'a template that calls itself is shown once',
      yaml: `
entrypoint: main
templates:
- name: main
  steps:
  - [{name: work, template: say}]
  - [{name: again, template: main, when: "{{steps.work.outputs.result}} == more"}]
- ${SAY}`,
      expected: { work: ['again'], again: [] },
    },
    {
      reason: 'a template written where it is used',
      yaml: `
entrypoint: main
templates:
- name: main
  dag: {tasks: [{name: a, inline: {container: {image: i}}}, {name: b, depends: a, inline: {suspend: {}}}]}`,
      expected: { a: ['b'], b: [] },
    },
    {
      reason: 'an entrypoint that is not there is shown as a task nobody knows',
      yaml: '{entrypoint: gone, templates: []}',
      expected: { gone: [] },
    },
  ])('$reason', ({ yaml, expected }) => {
    expect(graph(yaml)).toEqual(expected);
  });

  test('follows a call into another template, and from there by its own names', () => {
    const library = parse(
      `{name: flow, steps: [[{name: x, template: leaf}], [{name: y, template: leaf}]]}`,
    ) as JsonObject;
    const yaml = `
entrypoint: main
templates: [{name: main, dag: {tasks: [{name: call, templateRef: {name: lib, template: flow}}]}}]`;
    const leaf = parse('{name: leaf, script: {source: x}}') as JsonObject;
    expect(graph(yaml, { 'namespaced/lib/flow': library, 'namespaced/lib/leaf': leaf })).toEqual({
      'call.x': ['call.y'],
      'call.y': [],
    });
  });

  test('names the kind of each task', () => {
    const yaml = `{entrypoint: main, templates: [{name: main, steps: [[{name: a, template: s}], [{name: b, template: r}]]},
      {name: s, suspend: {}}, {name: r, resource: {action: get}}]}`;
    const { tasks } = toTaskGraph(parse(yaml) as JsonObject, () => undefined);
    expect(tasks.map(({ title, type }) => [title, type])).toEqual([
      ['a', 'suspend'],
      ['b', 'resource'],
    ]);
  });
});

test('finds the names of tasks in an expression, each once', () => {
  expect(needsOf({ depends: '(a.Succeeded||b-1.Skipped)&&!c_2 && a' })).toEqual(['a', 'b-1', 'c_2']);
});

test('finds every other template that is called, of a namespace or of the cluster', () => {
  const spec = parse(`
templates:
- {name: m, dag: {tasks: [{name: a, templateRef: {name: one, template: x}}, {name: i, inline: {steps: [[{name: b, templateRef: {name: two, template: y, clusterScope: true}}]]}}]}}`) as JsonObject;
  expect(scopesIn(spec).sort()).toEqual(['cluster/two', 'namespaced/one']);
});
