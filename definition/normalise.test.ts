import { describe, expect, test } from '@jest/globals';
import type { Definition } from './definition-types.js';
import { parseDefinition } from './parse-definition.js';

const HEADER = 'apiVersion: signalbox/v1\nkind: Workflow\nname: w\n';

function parsed(body: string): Definition {
  const result = parseDefinition(HEADER + body);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
  return result.definition;
}

describe('the normalised form', () => {
  test('merges env from workflow over defaults to task', () => {
    const [task] = parsed(
      'env: {A: w, B: w, C: w}\ndefaults: {env: {B: d, C: d}}\ntasks: {a: {run: x, env: {C: t}}}',
    ).tasks;
    expect(task?.env).toEqual({ A: 'w', B: 'd', C: 't' });
  });

  test.each([
    { reason: 'no block, no retries', body: '', max: 0 },
    { reason: 'a block that does not say how many means three', body: ', retry: {delay: 1s}', max: 3 },
    { reason: 'an empty block as well', body: ', retry: {}', max: 3 },
    { reason: 'zero is zero', body: ', retry: {max: 0}', max: 0 },
  ])('retries: $reason', ({ body, max }) => {
    expect(parsed(`tasks: {a: {run: x${body}}}`).tasks[0]?.retry.max).toBe(max);
  });

  test("a task's retry block replaces the default one whole", () => {
    const { tasks } = parsed(
      'defaults: {retry: {max: 5, delay: 1m30s, backoff: 2}}\ntasks: {a: {run: x}, b: {run: x, needs: [a], retry: {delay: 1s}}}',
    );
    expect(tasks.map(({ retry }) => [retry.max, retry.delayMs, retry.backoff])).toEqual([
      [5, 90_000, 2],
      [3, 1000, 1],
    ]);
  });

  test('a reference implies the edge, and writing it out changes nothing', () => {
    const body = (needs: string) =>
      `tasks:\n  a: {run: x, outputs: {o: {type: string}}}\n  b: {run: x${needs}, env: {X: "\${{ tasks.a.outputs.o }}"}}`;
    const [implied, written] = [parseDefinition(HEADER + body('')), parseDefinition(HEADER + body(', needs: [a]'))];
    expect(implied.ok && implied.definition.tasks[1]?.needs).toEqual(['a']);
    expect(implied.ok && written.ok && implied.hash === written.hash).toBe(true);
  });

  test('a condition implies its edges too', () => {
    const { tasks } = parsed('tasks: {a-b: {run: x}, c: {run: x, when: \'tasks["a-b"].state == "COMPLETED"\'}}');
    expect(tasks.map(({ id, needs }) => [id, needs])).toEqual([
      ['a-b', []],
      ['c', ['a-b']],
    ]);
  });

  test('grouped ids are found in references', () => {
    const { tasks } = parsed(
      'tasks: {g.a: {run: x, outputs: {o: {type: string}}}, b: {run: x, env: {X: "${{ tasks.g.a.outputs.o }}"}}}',
    );
    expect(tasks.at(-1)?.needs).toEqual(['g.a']);
  });

  test('kinds: an image makes a container of a command', () => {
    const { tasks } = parsed(
      'tasks: {a: {command: [x]}, b: {command: [x], image: i}, c: {wait: 1s}, d: {python: "m:f"}}',
    );
    expect(tasks.map(({ id, kind }) => `${id} ${kind}`)).toEqual(['a command', 'b container', 'c wait', 'd python']);
  });

  test('YAML and JSON of one content have one hash, whatever the order of keys and tasks', () => {
    const yaml = parseDefinition(`${HEADER}tasks:\n  b: {run: x, needs: [a]}\n  a: {run: y}`);
    const json = parseDefinition(
      JSON.stringify({
        tasks: { a: { run: 'y' }, b: { needs: ['a'], run: 'x' } },
        name: 'w',
        kind: 'Workflow',
        apiVersion: 'signalbox/v1',
      }),
    );
    expect(yaml.ok && json.ok && yaml.hash).toBe(json.ok && json.hash);
    expect(yaml.ok && yaml.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('another meaning has another hash', () => {
    const hashes = ['x', 'y'].map((run) => parseDefinition(`${HEADER}tasks: {a: {run: ${run}}}`));
    const [first, second] = hashes.map((result) => result.ok && result.hash);
    expect(first).not.toBe(second);
  });
});
