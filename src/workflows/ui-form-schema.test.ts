import { describe, expect, test } from '@jest/globals';
import { effectiveParameters } from '../../definition/param-values.js';
import type { Json } from '../../definition/definition-types.js';
import { isOptional, parameterProblems, parameterSchemas, uiFormSchema, type ParameterForm } from './ui-form-schema.js';

const form = (type: ParameterForm['type'], members: Partial<ParameterForm> = {}): ParameterForm => ({
  type,
  required: true,
  ...members,
});

describe('a value', () => {
  test.each<{ form: ParameterForm; good: Json[]; bad: Json[]; reason: string }>([
    { form: form('bool'), good: [true, false], bad: ['true', 1, null], reason: 'nothing is converted' },
    {
      form: form('int', { minimum: 1, maximum: 3 }),
      good: [1, 3],
      bad: [0, 4, 1.5, '2'],
      reason: 'bounds are inclusive',
    },
    { form: form('float', { minimum: 0 }), good: [0, 1.5], bad: [-0.1, '1'], reason: 'a whole number is a number' },
    { form: form('list', { options: ['a', 'b'] }), good: ['a'], bad: ['c', ['a']], reason: 'one of the options' },
    {
      form: form('list', { options: [1, 2], multiselectable: true }),
      good: [[], [1], [2, 1]],
      bad: [1, [3], [1, 1]],
      reason: 'some of the options, each once',
    },
    {
      form: form('str', { regex_pattern: '^a+$' }),
      good: ['aa'],
      bad: ['b', 1],
      reason: 'the pattern is the validation',
    },
    { form: form('object'), good: [{}, { a: [null] }], bad: [[], 'x'], reason: 'any object' },
    { form: form('dataset'), good: ['d'], bad: [1], reason: 'a name' },
    { form: form('data_entity'), good: ['e'], bad: [{}], reason: 'an identifier' },
    { form: form('file'), good: ['f'], bad: [['f']], reason: 'one name' },
    { form: form('file', { multiple: true }), good: [['f', 'g'], []], bad: ['f'], reason: 'several names' },
    { form: form('terms'), good: [true], bad: [false, 'yes'], reason: 'terms must be accepted' },
  ])('of type $form.type is checked by its form: $reason', ({ form: one, good, bad }) => {
    const check = (value: Json): boolean => effectiveParameters({ P: uiFormSchema(one) }, { P: value }).ok;
    expect(good.filter((value) => !check(value))).toEqual([]);
    expect(bad.filter((value) => check(value))).toEqual([]);
  });
});

test('a form that requires nothing and has no default may be left out', () => {
  expect(isOptional(uiFormSchema(form('str', { required: false })))).toBe(true);
  expect(isOptional(uiFormSchema(form('str', { required: false, default: 'x' })))).toBe(false);
  expect(isOptional(uiFormSchema(form('str')))).toBe(false);
});

test('a name that several tasks use is told apart by the title of the task', () => {
  const parameters = [
    { task_title: 'load', env_variable_name: 'SIZE', ui_form: form('int') },
    { task_title: 'clean', env_variable_name: 'SIZE', ui_form: form('int') },
    { task_title: 'clean', env_variable_name: 'MODE', ui_form: form('str') },
  ];
  expect(Object.keys(parameterSchemas(parameters))).toEqual(['load.SIZE', 'clean.SIZE', 'MODE']);
  expect(parameterProblems(parameters, '/workflow_parameters')).toEqual([]);
});

test.each<{ one: ParameterForm; pointer: string; code: string; reason: string }>([
  { one: form('bool', { minimum: 1 }), pointer: 'minimum', code: 'unknown-field', reason: 'a member of another type' },
  { one: form('int', { minimum: 2, maximum: 1 }), pointer: 'maximum', code: 'out-of-range', reason: 'no number fits' },
  { one: form('int', { default: 'x' }), pointer: 'default', code: 'wrong-type', reason: 'a default is a value too' },
  {
    one: form('terms', { default: false }),
    pointer: 'default',
    code: 'not-allowed',
    reason: 'not accepting is no default',
  },
  { one: form('list'), pointer: 'options', code: 'missing', reason: 'nothing to choose from' },
  { one: form('list', { options: ['a', 1] }), pointer: 'options', code: 'wrong-type', reason: 'two kinds of options' },
  { one: form('list', { options: [{}] }), pointer: 'options', code: 'wrong-type', reason: 'objects are no options' },
  {
    one: form('str', { regex_pattern: '(' }),
    pointer: 'regex_pattern',
    code: 'bad-pattern',
    reason: 'no pattern at all',
  },
  { one: form('str', { regex_pattern: '(?=a)' }), pointer: 'regex_pattern', code: 'bad-pattern', reason: 'not linear' },
])('a form is refused at $pointer: $reason', ({ one, pointer, code }) => {
  const problems = parameterProblems([{ env_variable_name: 'P', ui_form: one }], '/workflow_parameters');
  expect(problems).toEqual([expect.objectContaining({ pointer: `/workflow_parameters/0/ui_form/${pointer}`, code })]);
});

test('the same name without different tasks is refused', () => {
  const twice = { env_variable_name: 'P', ui_form: form('str') };
  expect(parameterProblems([twice, twice], '/p')).toEqual([
    expect.objectContaining({ pointer: '/p/1/env_variable_name', code: 'duplicate-parameter' }),
  ]);
});
