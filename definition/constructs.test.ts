import { describe, expect, test } from '@jest/globals';
import type { Construct } from './constructs.js';
import { CONSTRUCTS, unsupported, usedConstructs } from './constructs.js';
import { parseDefinition } from './parse-definition.js';

const HEADER = 'apiVersion: signalbox/v1\nkind: Workflow\nname: w\n';

function definitionOf(body: string) {
  const result = parseDefinition(HEADER + body);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
  return result.definition;
}

/** One definition that uses the whole language. */
const EVERYTHING = `
params: {p: {type: array, default: []}}
env: {A: b}
timeout: 1h
maxParallel: 2
concurrency: {limit: 1}
schedules: [{cron: "0 3 * * *"}]
dependencies: {node: {lockfile: package-lock.json}}
defaults: {image: i, resources: small}
tasks:
  a: {run: x, foreach: {items: "\${{ params.p }}", failFast: true}, retry: {max: 1}, timeout: 1m, allowFailure: true, skipExitCode: 3}
  b: {command: [x], args: ["\${{ tasks.a.state }}"], image: i, trigger: all-done, outputs: {v: {type: string}, f: {artifact: file, handler: parquet}}}
  c: {python: "m:f", with: [1], infer: true, inputs: {f: "\${{ tasks.b.outputs.f }}"}, secrets: [{secret: s, mount: /s}], cache: true, placement: {queue: q}, when: 'params.p == []'}
  d: {node: "m#f", needs: [c]}
  e: {workflow: {name: child}, needs: [d]}
  f: {wait: 1s, needs: [e]}
finally: {z: {run: x}}
outputs: {o: "\${{ tasks.b.outputs.v }}"}
targets: {argo: {x: 1}}
`;

describe('what a definition asks of an engine', () => {
  test('every construct of the language is recognised', () => {
    const used = new Set(usedConstructs(definitionOf(EVERYTHING)).map(({ construct }) => construct));
    expect(CONSTRUCTS.filter((construct) => !used.has(construct))).toEqual([]);
  });

  test('an engine that executes everything has nothing to say', () => {
    const all = new Set(CONSTRUCTS);
    expect(unsupported(definitionOf(EVERYTHING), { executes: all, ignores: new Set() })).toEqual([]);
  });

  test('what is not executed is refused with its place, what is ignored is a warning', () => {
    const executes = new Set<Construct>(['command', 'needs', 'run']);
    const definition = definitionOf('tasks:\n  a: {command: [x], image: i}\n  b: {run: x, needs: [a], cache: true}');
    expect(unsupported(definition, { executes, ignores: new Set(['image']) })).toEqual([
      {
        severity: 'warning',
        code: 'construct-ignored',
        message: 'tasks.a.image has no effect: this engine does not use "image".',
        pointer: '/tasks/a/image',
      },
      {
        severity: 'error',
        code: 'construct-unsupported',
        message: 'tasks.b.cache is refused: this engine does not execute "cache".',
        pointer: '/tasks/b/cache',
      },
    ]);
  });

  test.each([
    {
      reason: 'JSON is how values travel anyway',
      body: 'tasks: {a: {run: x, outputs: {o: {type: string, handler: json}}}}',
      construct: 'handlers',
    },
    {
      reason: 'a retry block of zero asks for nothing',
      body: 'tasks: {a: {run: x, retry: {max: 0}}}',
      construct: 'retry',
    },
    { reason: 'false asks for nothing', body: 'tasks: {a: {run: x, cache: false}}', construct: 'cache' },
    { reason: 'an empty map asks for nothing', body: 'tasks: {a: {run: x}}\ntargets: {}', construct: 'targets' },
  ])('$reason', ({ body, construct }) => {
    expect(usedConstructs(definitionOf(body)).map((used) => used.construct)).not.toContain(construct);
  });
});
