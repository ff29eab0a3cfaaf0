import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from './definition-types.js';
import { argumentText, collectOutputs, parseReferences, referencesIn, resolveValue } from './references.js';

const scope = {
  params: { text: 'a b', count: 3, flag: false, list: [1, 'two'], none: null },
  tasks: {
    load: { state: 'COMPLETED', outputs: { rows: 12, meta: { k: [true] } } },
    'my-task': { state: 'SKIPPED', outputs: {} },
    'group.inner': { state: 'FAILED', outputs: { x: 1 } },
  },
  item: { region: 'emea' },
  run: { id: '42', state: 'FAILED' },
};

describe('a value with references', () => {
  test.each<{ reason: string; value: Json; gives: Json }>([
    { reason: 'one reference keeps its type', value: '${{ params.count }}', gives: 3 },
    { reason: 'blanks inside do not matter', value: '${{params.count}}', gives: 3 },
    { reason: 'blanks outside make it text', value: ' ${{ params.count }}', gives: ' 3' },
    { reason: 'false stays false', value: '${{ params.flag }}', gives: false },
    {
      reason: 'nested ones keep their types too',
      value: { a: ['${{ params.list }}', 'x'] },
      gives: { a: [[1, 'two'], 'x'] },
    },
    { reason: 'within text a string stands as it is', value: '<${{ params.text }}>', gives: '<a b>' },
    { reason: 'within text anything else is compact JSON', value: 'v=${{ params.list }}', gives: 'v=[1,"two"]' },
    { reason: 'two references make text', value: '${{ params.count }}${{ params.count }}', gives: '33' },
    { reason: 'an output', value: '${{ tasks.load.outputs.rows }}', gives: 12 },
    { reason: 'the whole result', value: '${{ tasks.load.outputs }}', gives: { rows: 12, meta: { k: [true] } } },
    { reason: 'a state', value: '${{ tasks.my-task.state }}', gives: 'SKIPPED' },
    { reason: 'an id in brackets', value: '${{ tasks["my-task"].state }}', gives: 'SKIPPED' },
    { reason: 'a grouped id', value: '${{ tasks.group.inner.outputs.x }}', gives: 1 },
    { reason: 'an absent output is null', value: '${{ tasks.my-task.outputs.x }}', gives: null },
    { reason: 'names of other objects do not answer', value: '${{ tasks.load.outputs.toString }}', gives: null },
    { reason: 'the item', value: '${{ item }}', gives: { region: 'emea' } },
    { reason: 'the run', value: '${{ run.id }}/${{ run.state }}', gives: '42/FAILED' },
    { reason: 'what looks like one but is none stays text', value: '${{ 1 + 1 }}', gives: '${{ 1 + 1 }}' },
    { reason: 'shell variables are text', value: '${HOME} {{ x }}', gives: '${HOME} {{ x }}' },
    { reason: 'other types pass', value: [1, true, null], gives: [1, true, null] },
  ])('$reason', ({ value, gives }) => {
    expect(resolveValue(value, scope)).toEqual(gives);
  });

  test('a value that holds a reference itself is not resolved again', () => {
    const hostile = { ...scope, params: { text: '${{ run.id }}' } };
    expect(resolveValue('x ${{ params.text }}', hostile)).toBe('x ${{ run.id }}');
  });

  test('every value of a whole reference arrives as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const given = { ...scope, params: { p: value as Json } };
        expect(resolveValue(['${{ params.p }}'], given)).toEqual([value]);
      }),
    );
  });

  test('text without references is left alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('${{'));
        expect(resolveValue(text, scope)).toBe(text);
      }),
    );
  });
});

describe('what is no reference', () => {
  test.each([
    { reason: 'functions', text: '${{ upper(params.x) }}' },
    { reason: 'a secret', text: '${{ secrets.token }}' },
    { reason: 'a part of a param', text: '${{ params.x.y }}' },
    { reason: 'a part of an output', text: '${{ tasks.a.outputs.x.y }}' },
    { reason: 'a task alone', text: '${{ tasks.a }}' },
    { reason: 'nothing', text: '${{ }}' },
    { reason: 'an end that is missing', text: '${{ item' },
    { reason: 'the environment', text: '${{ env.HOME }}' },
  ])('$reason is refused with one sentence and kept as text', ({ text }) => {
    const { parts, problems } = parseReferences(text);
    expect(problems).toHaveLength(1);
    expect(parts).toEqual([{ text }]);
  });
});

test('references are found wherever they stand, with their place', () => {
  const value = { a: ['x', '${{ item }}'], b: { c: 'n ${{ params.p }}' }, '${{ run.id }}': 1 };
  expect(referencesIn(value).map(({ reference, path, whole }) => [reference.kind, path.join('/'), whole])).toEqual([
    ['item', 'a/1', true],
    ['param', 'b/c', false],
  ]);
});

test('outputs of a fan-out become one list per name in item order, with null for what is missing', () => {
  expect(collectOutputs(['a', 'b'], [{ a: 1, b: 2 }, { a: 3 }, undefined])).toEqual({
    a: [1, 3, null],
    b: [2, null, null],
  });
  expect(collectOutputs(['a'], [])).toEqual({ a: [] });
});

test('an argument is text as it is, and JSON otherwise', () => {
  expect(['a "b"', 1, true, null, [1, { k: 'v' }]].map((value) => argumentText(value as Json))).toEqual([
    'a "b"',
    '1',
    'true',
    'null',
    '[1,{"k":"v"}]',
  ]);
});
