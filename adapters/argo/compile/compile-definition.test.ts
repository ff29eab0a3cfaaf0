import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { toTaskGraph } from '../../../definition/task-graph.js';
import { toTaskGraph as graphOfTemplate } from '../to-task-graph.js';
import { idOf, taskName } from './argo-names.js';
import { compileDefinition, readForArgo } from './compile-definition.js';
import { readPlan } from './plan.js';
import { runnerScript } from './runner.js';

const golden = (name: string): string => readFileSync(new URL(`golden/${name}`, import.meta.url), 'utf8');

/** A definition of one task, from the lines of its body. */
function withTask(body: string, more = ''): string {
  return `{apiVersion: signalbox/v1, kind: Workflow, name: one, ${more} tasks: {a: {run: x, image: i}, t: {${body}}}}`;
}

describe('a definition', () => {
  const { files, nameMap, report, diagnostics } = compileDefinition(golden('orders.yaml'));

  test('is one file, and always the same', () => {
    expect(diagnostics).toEqual([]);
    // The script has tests of its own; here it would hide what is compiled.
    const script = runnerScript().trimEnd().split('\n');
    const shown = script.map((line) => (line === '' ? '' : `          ${line}`)).join('\n');
    const text = files[0]?.text.replace(shown, () => '          ...');
    expect(text).toBe(golden('orders.argo.yaml'));
    expect(compileDefinition(golden('orders.yaml')).files).toEqual(files);
  });

  test('tells how each task is called', () => {
    expect(nameMap).toEqual({
      list: 'list',
      flaky: 'flaky',
      'each.item': 'each-DOT-item',
      rare: 'rare',
      report: 'report',
      alarm: 'alarm',
    });
  });

  test('has a report with a line for each use of a construct', () => {
    expect(report.map(({ construct, support, pointer }) => `${support} ${construct} ${pointer}`)).toContain(
      'native foreach /tasks/each.item/foreach',
    );
    expect(report.filter(({ support }) => support !== 'native' && support !== 'emulated')).toEqual([]);
  });

  test('carries what tells its runs: its graph is that of the definition', () => {
    const { definition } = readForArgo(golden('orders.yaml'));
    const spec = (parse(files[0]?.text ?? '') as { spec: Parameters<typeof readPlan>[0] }).spec;
    const plan = readPlan(spec);
    if (!plan || !definition) throw new Error('no plan');
    expect(toTaskGraph(plan)).toEqual(toTaskGraph(definition));
    expect(graphOfTemplate(spec, () => undefined).tasks.map(({ title }) => title)).toContain('VERDICT');
  });

  test('hands the script over word for word', () => {
    const { spec } = parse(files[0]?.text ?? '') as {
      spec: { arguments: { parameters: { name: string; value?: string }[] } };
    };
    expect(spec.arguments.parameters.find(({ name }) => name === 'signalbox-runner')?.value).toBe(runnerScript());
  });
});

describe('text of a user', () => {
  test('is nowhere where Argo or a shell could read it', () => {
    const hostile = '{{workflow.name}} {{=7*7}} }} $(id)';
    const text = JSON.stringify(hostile);
    const { files, diagnostics } = compileDefinition(
      `{apiVersion: signalbox/v1, kind: Workflow, name: h, title: ${text}, description: ${text}, defaults: {image: i},
        params: {p: {type: string, default: ${text}}},
        tasks: {t: {run: ${text}, title: ${text}, env: {V: ${text}, W: ${JSON.stringify(`${hostile}\${{ params.p }}`)}},
          when: ${JSON.stringify(`params.p != "${hostile}"`)}, foreach: {items: [${text}]}},
         u: {command: [${text}], args: [${text}], outputs: {o: {type: string, default: ${text}, description: ${text}}}}}}`,
    );
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const written = files[0]?.text ?? '';
    expect(written).not.toContain('7*7');
    expect(written).not.toContain('workflow.name');
    expect(written).not.toContain('$(id)');
    // What is left between braces is ours, and each is closed before the next one opens.
    for (const [, inside = ''] of written.matchAll(/\{\{(.*?)\}\}/gs)) expect(inside).not.toContain('{{');
  });
});

describe('names', () => {
  test.each([
    ['a', 'a'],
    ['my-task', 'my-task'],
    ['extract.orders', 'extract-DOT-orders'],
    ['a.b.c-d', 'a-DOT-b-DOT-c-d'],
    ['map', 'map-TASK'],
    ['in', 'in-TASK'],
    ['map.in', 'map-DOT-in'],
  ])('%s is %s, and back', (id, name) => {
    expect(taskName(id)).toBe(name);
    expect(idOf(name)).toEqual({ id, part: 'task' });
    expect(idOf(`${name}-GATE`)).toEqual({ id, part: 'gate' });
  });
});

describe('what Argo cannot do is refused with its place', () => {
  const rows: [reason: string, text: string, code: string, pointer: string][] = [
    ['no image', withTask('run: x'), 'image-missing', '/tasks/t'],
    ['an image that is a template', withTask("run: x, image: '{{workflow.name}}'"), 'image-invalid', '/tasks/t/image'],
    [
      'a default that is one',
      withTask('run: x, image: i', "defaults: {image: 'a b'},"),
      'image-invalid',
      '/defaults/image',
    ],
    [
      'a delay that grows by half',
      withTask('run: x, image: i, retry: {max: 3, delay: 1s, backoff: 1.5}'),
      'construct-unsupported',
      '/tasks/t/retry',
    ],
    [
      'a delay beyond counting',
      withTask('run: x, image: i, retry: {max: 9, delay: 1d, backoff: 100}'),
      'construct-unsupported',
      '/tasks/t/retry',
    ],
    [
      'an end to items that run',
      withTask('run: x, image: i, foreach: {items: [1], failFast: true}'),
      'construct-unsupported',
      '/tasks/t/foreach/failFast',
    ],
    ['a profile', withTask('run: x, image: i, resources: big'), 'construct-unsupported', '/tasks/t/resources'],
    [
      'no amount',
      withTask("run: x, image: i, resources: {cpu: '{{x}}'}"),
      'construct-unsupported',
      '/tasks/t/resources/cpu',
    ],
    ['python', withTask("python: 'm:f', image: i"), 'construct-unsupported', '/tasks/t/python'],
    ['a wait', withTask('wait: 1s, image: i'), 'construct-unsupported', '/tasks/t/wait'],
    [
      'a secret',
      withTask('run: x, image: i, secrets: [{secret: s, key: k, env: S}]'),
      'construct-unsupported',
      '/tasks/t/secrets',
    ],
    ['placement', withTask('run: x, image: i, placement: {queue: gpu}'), 'construct-unsupported', '/tasks/t/placement'],
    [
      'what comes last',
      withTask('run: x, image: i', 'finally: {f: {run: x, image: i}},'),
      'construct-unsupported',
      '/finally',
    ],
  ];
  test.each(rows)('%s', (_, text, code, pointer) => {
    const { diagnostics, files } = compileDefinition(text);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toMatchObject([{ code, pointer, line: 1 }]);
    expect(files).toEqual([]);
  });
  test('one try has no delay that could grow', () => {
    const text = withTask('run: x, image: i, retry: {max: 1, delay: 1s, backoff: 1.5}');
    expect(compileDefinition(text).files).toHaveLength(1);
  });
});
