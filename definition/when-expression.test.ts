import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evaluateWhen, parseWhen } from './when-expression.js';

const scope = {
  params: { n: 3, f: 1.5, s: 'abc', yes: true, list: [1, 2], o: { k: 'v' } },
  tasks: {
    x: { state: 'COMPLETED', outputs: { n: 5, f: 0.5, nothing: null, ok: true } },
    'my-task': { state: 'FAILED', outputs: {} },
    'g.inner': { state: 'COMPLETED', outputs: { n: 1 } },
  },
  run: { id: '42' },
};

describe('a condition that has an answer', () => {
  test.each([
    { reason: 'whole numbers compare', text: 'tasks.x.outputs.n > 3', value: true },
    { reason: 'whole numbers compare with fractions', text: 'tasks.x.outputs.n > 4.5', value: true },
    { reason: 'fractions compare with whole numbers', text: 'tasks.x.outputs.f < 1', value: true },
    { reason: 'a number is one number however it is written', text: 'params.n == 3.0 && 3 == 3.0', value: true },
    { reason: 'negative numbers', text: '-params.n == -3 && params.n > -1', value: true },
    {
      reason: 'arithmetic mixes both',
      text: 'params.n + 1 == 4 && params.n * params.f == 4.5 && params.n % 2 == 1',
      value: true,
    },
    { reason: 'an absent output is null', text: 'tasks.x.outputs.absent == null', value: true },
    { reason: 'a task that wrote nothing', text: 'tasks["my-task"].outputs.a == null', value: true },
    { reason: 'a member of nothing is null', text: 'tasks.x.outputs.nothing.deeper == null', value: true },
    { reason: 'null is no number', text: 'tasks.x.outputs.absent == 3', value: false },
    { reason: 'null differs from a number', text: 'tasks.x.outputs.absent != 3', value: true },
    { reason: 'different types are not equal', text: 'params.n == "3"', value: false },
    { reason: 'lists are equal by content', text: 'params.list == [1, 2]', value: true },
    {
      reason: 'a guard decides before the comparison fails',
      text: 'tasks.x.outputs.absent != null && tasks.x.outputs.absent > 3',
      value: false,
    },
    { reason: 'the guard may stand behind', text: 'tasks.x.outputs.absent > 3 && false', value: false },
    { reason: 'or as well', text: 'tasks.x.outputs.absent > 3 || true', value: true },
    { reason: 'an output that is true or false is a condition', text: 'tasks.x.outputs.ok', value: true },
    { reason: 'has', text: 'has(params.s) && !has(tasks.x.outputs.absent)', value: true },
    { reason: 'states', text: 'tasks["my-task"].state == "FAILED"', value: true },
    { reason: 'grouped ids', text: 'tasks["g.inner"].outputs.n == 1', value: true },
    { reason: 'membership', text: '2 in params.list && !("z" in params.list) && "k" in params.o', value: true },
    {
      reason: 'entries and members',
      text: 'params.list[0] == 1 && params.o.k == "v" && params.list[9] == null',
      value: true,
    },
    {
      reason: 'functions on text',
      text: 'params.s.startsWith("a") && params.s.endsWith("c") && params.s.contains("b")',
      value: true,
    },
    { reason: 'patterns in linear time', text: 'params.s.matches("^(a+)+bc$")', value: true },
    { reason: 'sizes', text: 'size(params.list) == 2 && params.s.size() == 3', value: true },
    { reason: 'a choice', text: 'params.yes ? params.n == 3 : false', value: true },
    { reason: 'the run', text: 'run.id == "42"', value: true },
    { reason: 'texts compare', text: 'params.s < "b"', value: true },
  ])('$reason: $text', ({ text, value }) => {
    expect(evaluateWhen(text, scope)).toEqual({ ok: true, value });
  });
});

describe('a condition without an answer says why', () => {
  test.each([
    { reason: 'null has no order', text: 'tasks.x.outputs.absent > 3', says: 'compares two numbers' },
    { reason: 'text and number have no order', text: 'params.s > 3', says: 'compares two numbers' },
    { reason: 'a number is not true', text: 'params.n', says: 'neither true nor false' },
    { reason: 'null is not true', text: 'tasks.x.outputs.absent', says: 'neither true nor false' },
    { reason: 'text is not true', text: 'params.s && true', says: 'needs true or false' },
    { reason: 'not of null', text: '!tasks.x.outputs.absent', says: 'needs true or false' },
    { reason: 'both sides fail', text: 'params.s > 3 || params.s > 4', says: 'compares two numbers' },
    { reason: 'no remainder', text: 'params.n % 0 == 1', says: 'has no value' },
  ])('$reason: $text', ({ text, says }) => {
    const result = evaluateWhen(text, scope);
    expect(result).toEqual({ ok: false, message: expect.stringContaining(says) });
  });
});

describe('a condition that is refused before anything runs', () => {
  test.each([
    {
      reason: 'a hyphen reads as minus',
      text: 'tasks.my-task.outputs.n > 1',
      code: 'when-hyphen',
      says: 'tasks["my-task"]',
    },
    {
      reason: 'several hyphens',
      text: 'true && tasks.a-b-c.state == "x"',
      code: 'when-hyphen',
      says: 'tasks["a-b-c"]',
    },
    { reason: 'a group in dots', text: 'tasks.g.inner.outputs.n == 1', code: 'when-name', says: 'tasks["g.inner"]' },
    { reason: 'an unknown name', text: 'foo == 1', code: 'when-name', says: '"foo"' },
    { reason: 'the item', text: 'item == 1', code: 'when-name', says: 'for each item' },
    { reason: 'the language of references', text: '${{ params.n }} > 1', code: 'when-syntax', says: 'cannot be read' },
    { reason: 'half a condition', text: 'params.n >', code: 'when-syntax', says: 'at character' },
    { reason: 'a loop', text: 'params.list.all(x, x > 0)', code: 'when-function', says: '"all"' },
    {
      reason: 'a loop in a loop',
      text: 'params.list.map(x, params.list.map(y, y))',
      code: 'when-function',
      says: '"map"',
    },
    { reason: 'division', text: 'params.n / 2 == 1', code: 'when-unsupported', says: 'Division' },
    { reason: 'a map', text: '{"a": 1} == params.o', code: 'when-unsupported', says: 'not part' },
    {
      reason: 'a number that is not exact',
      text: 'params.n < 9007199254740993',
      code: 'when-unsupported',
      says: 'too large',
    },
    { reason: 'an unknown function', text: 'sleep(1)', code: 'when-function', says: '"sleep"' },
    { reason: 'a pattern RE2 does not take', text: 'params.s.matches("(?=a)")', code: 'bad-pattern', says: 'refused' },
    {
      reason: 'a pattern that a client could choose',
      text: 'params.s.matches(params.s)',
      code: 'bad-pattern',
      says: 'literal',
    },
    { reason: 'too long', text: `params.n == ${'1 + '.repeat(600)}1`, code: 'when-too-long', says: '2000' },
    {
      reason: 'too deep',
      text: `${'('.repeat(500)}true${')'.repeat(500)}`,
      code: 'when-syntax',
      says: 'cannot be read',
    },
  ])('$reason', ({ text, code, says }) => {
    const { diagnostics, ast } = parseWhen(text);
    expect(ast).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ code, message: expect.stringContaining(says) });
    expect(evaluateWhen(text, scope).ok).toBe(false);
  });
});

test('the names a condition looks at are told', () => {
  const { references } = parseWhen(
    'params.n > 1 && tasks["my-task"].outputs.a == tasks.x.state && params.list[params.f] == run.id',
  );
  expect(references).toEqual([
    { kind: 'param', name: 'n' },
    { kind: 'output', task: 'my-task', name: 'a' },
    { kind: 'state', task: 'x' },
    { kind: 'param', name: 'f' },
    { kind: 'param', name: 'list' },
    { kind: 'run-id' },
  ]);
});

test('no text makes the evaluation throw', () => {
  const piece = fc.constantFrom(
    'params.n',
    'params.s',
    'tasks.x',
    '.outputs.n',
    '.state',
    ' > ',
    ' == ',
    '&&',
    '!',
    '(',
    ')',
    '[',
    ']',
    '1',
    '"a"',
    ' in ',
    '?',
    ':',
    'has',
    'size',
    '.matches("a")',
    ' - ',
    'null',
    'true',
    ',',
    '{',
    '}',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 14 }).map((parts) => parts.join('')),
      ),
      (text) => {
        expect(typeof evaluateWhen(text, scope).ok).toBe('boolean');
      },
    ),
    { numRuns: 1000 },
  );
});
