import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDefinition } from './parse-definition.js';

const HEADER = 'apiVersion: signalbox/v1\nkind: Workflow\nname: w\n';

describe('a text that is no definition is told what is wrong with it, never thrown at the caller', () => {
  test.each([
    { reason: 'nothing was sent', text: '', code: 'empty-text' },
    { reason: 'blanks only', text: ' \n\n ', code: 'empty-text' },
    { reason: 'a binary file', text: '\u0000\u0001PK', code: 'not-text' },
    { reason: 'longer than anybody writes', text: `a: "${'x'.repeat(1_100_000)}"`, code: 'text-too-large' },
    { reason: 'broken YAML', text: 'a: [1, 2', code: 'syntax' },
    { reason: 'two documents', text: 'a: 1\n---\nb: 2\n', code: 'many-documents' },
    { reason: 'nesting that would overflow the stack', text: '['.repeat(300_000), code: 'too-deep' },
    { reason: 'nesting by blocks', text: '- '.repeat(200_000), code: 'too-deep' },
    { reason: 'an amount of signs that takes too long', text: `a: [${'x,'.repeat(200_000)}]`, code: 'text-too-large' },
    { reason: 'a scalar', text: 'hello', code: 'wrong-type' },
    { reason: 'a list', text: '[1]', code: 'wrong-type' },
    { reason: 'YAML 1.1 reads yes as true', text: '%YAML 1.1\n---\na: yes', code: 'yaml-version' },
    { reason: 'a tag', text: 'a: !!python/object x', code: 'tag' },
    { reason: 'a merge key', text: 'a: &x {b: 1}\nc:\n  <<: *x', code: 'merge-key' },
    { reason: 'a key twice', text: 'a: 1\na: 2', code: 'duplicate-key' },
    { reason: 'a key twice in JSON', text: '{"a": 1, "a": 2}', code: 'duplicate-key' },
    { reason: 'a number as a key', text: '1: 2', code: 'key-not-text' },
    { reason: 'a list as a key', text: '? [a]\n: 2', code: 'key-not-text' },
    { reason: 'no such anchor', text: 'a: *b', code: 'unknown-alias' },
    { reason: 'an anchor inside itself', text: 'a: &a [*a]', code: 'unknown-alias' },
    { reason: 'aliases without end', text: `a: &a x\nb: [${'*a, '.repeat(101)}]`, code: 'too-many-aliases' },
    { reason: 'a number JSON does not have', text: 'a: .nan', code: 'number-not-exact' },
    { reason: 'a number that would change', text: 'a: 12345678901234567890', code: 'number-not-exact' },
    { reason: 'half a character', text: '{"a": "\\ud800"}', code: 'bad-character' },
    { reason: 'a prototype', text: '__proto__: {polluted: true}', code: 'unknown-field' },
    { reason: 'a constructor', text: 'tasks: {constructor: {run: x}}', code: 'unknown-field' },
  ])('$reason: $code', ({ text, code }) => {
    const result = parseDefinition(text);
    expect(result.ok).toBe(false);
    expect(result.diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    for (const { line, column } of result.diagnostics) expect(Math.min(line ?? 0, column ?? 0)).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('thousands of errors with thousands of near names take seconds, not minutes', () => {
    const tasks = Array.from(
      { length: 5000 },
      (_, i) => `  task-number-${i}: {run: x, needs: [task-namber-${i}x, q${i}]}`,
    );
    const started = Date.now();
    expect(parseDefinition(`${HEADER}tasks:\n${tasks.join('\n')}`).diagnostics).toHaveLength(200);
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('aliases that double at each step stay within the limits', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
    const result = parseDefinition(`a0: &a0 [x]\n${lines.join('\n')}`);
    expect(result.ok).toBe(false);
  });
});

describe('for every text', () => {
  const fragment = fc.constantFrom(
    'apiVersion: signalbox/v1\n',
    'kind: Workflow\n',
    'name: w\n',
    'tasks:\n',
    '  a:\n',
    '    run: x\n',
    '    needs: [a, b]\n',
    '    foreach: {items: "${{ params.x }}"}\n',
    '    when: tasks.a-b == 1\n',
    'params: {x: {type: array}}\n',
    'outputs: {o: 1}\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '!t ',
    '"',
    "'",
    ': ',
    '\t',
    '\n',
    '#',
    '|',
    '>',
    '? ',
    '%YAML 1.1\n',
    '---\n',
    '\u0000',
    '\ud800',
  );
  test('the parser answers and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join('')),
        ),
        (text) => {
          const result = parseDefinition(text);
          expect(result.ok).toBe(result.diagnostics.every(({ severity }) => severity === 'warning'));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('members named like those of every object are only data', () => {
    const odd = [
      { toString: 1, valueOf: 1 },
      { toString: 1, valueOf: 1 },
    ];
    for (const task of [{ needs: odd }, { retry: { on: odd } }, { outputs: { o: { required: odd } } }, { with: odd }]) {
      const document = { apiVersion: 'signalbox/v1', kind: 'Workflow', name: 'w', tasks: { a: { run: 'x', ...task } } };
      expect(typeof parseDefinition(JSON.stringify(document)).ok).toBe('boolean');
    }
  });

  test('the parser takes any JSON under any known field', () => {
    const field = fc.constantFrom(
      'params',
      'tasks',
      'env',
      'defaults',
      'outputs',
      'finally',
      'schedules',
      'timeout',
      'x-y',
    );
    const taskField = fc.constantFrom(
      'needs',
      'when',
      'foreach',
      'command',
      'run',
      'env',
      'with',
      'outputs',
      'retry',
      'secrets',
    );
    fc.assert(
      fc.property(field, taskField, fc.jsonValue(), fc.jsonValue(), (name, inner, outer, value) => {
        const document = {
          apiVersion: 'signalbox/v1',
          kind: 'Workflow',
          name: 'w',
          tasks: { a: { [inner]: value } },
          [name]: outer,
        };
        expect(typeof parseDefinition(JSON.stringify(document)).ok).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });
});
