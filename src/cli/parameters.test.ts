import { describe, expect, test } from '@jest/globals';
import type { WorkflowParameter } from './api-types.js';
import { CliError } from './cli-error.js';
import { convert, declaredTypes, readAssignments, type ParameterType } from './parameters.js';

describe('a value on the command line', () => {
  test.each<{ reason: string; text: string; type: ParameterType; value: unknown }>([
    { reason: 'digits for a string are text', text: '007', type: 'string', value: '007' },
    { reason: 'quotes for a string are part of it', text: '"a"', type: 'string', value: '"a"' },
    { reason: 'true for a string is text', text: 'true', type: 'string', value: 'true' },
    { reason: 'an integer', text: '5', type: 'integer', value: 5 },
    { reason: 'an exponent is an integer too', text: '1e3', type: 'integer', value: 1000 },
    {
      reason: 'a fraction is not an integer: the service refuses the text',
      text: '5.5',
      type: 'integer',
      value: '5.5',
    },
    {
      reason: 'digits that a number cannot hold stay text',
      text: '9007199254740993',
      type: 'integer',
      value: '9007199254740993',
    },
    { reason: 'a number', text: '-0.5', type: 'number', value: -0.5 },
    { reason: 'a boolean', text: 'false', type: 'boolean', value: false },
    { reason: 'yes is not a boolean', text: 'yes', type: 'boolean', value: 'yes' },
    { reason: 'a list', text: '["a", 1]', type: 'list', value: ['a', 1] },
    { reason: 'an object', text: '{"a": 1}', type: 'object', value: { a: 1 } },
    { reason: 'a list is not an object', text: '[1]', type: 'object', value: '[1]' },
    { reason: 'null is not an object', text: 'null', type: 'object', value: 'null' },
    { reason: 'the name of a data set is text, even of digits', text: '12', type: 'reference', value: '12' },
    { reason: 'several files are a list', text: '["a"]', type: 'reference', value: ['a'] },
    { reason: 'undeclared: JSON if it is JSON', text: '5', type: 'any', value: 5 },
    { reason: 'undeclared: else text', text: 'five', type: 'any', value: 'five' },
  ])('$reason', ({ text, type, value }) => {
    expect(convert(text, type)).toEqual(value);
  });
});

describe('assignments', () => {
  const types = new Map<string, ParameterType>([['n', 'integer']]);
  const files = (path: string): string => (path === 'n.txt' ? '7\n' : 'text of a file\n');

  test.each([
    { reason: 'the first = divides', texts: ['a=b=c'], values: { a: 'b=c' } },
    { reason: 'a value may be empty', texts: ['a='], values: { a: '' } },
    { reason: 'a file gives the text as it is', texts: ['a=@x.txt'], values: { a: 'text of a file\n' } },
    { reason: 'a file is converted like a value', texts: ['n=@n.txt'], values: { n: 7 } },
    { reason: 'a doubled @ is a plain one', texts: ['a=@@me'], values: { a: '@me' } },
    { reason: 'a parameter of a task', texts: ['load.n=1'], values: { 'load.n': 1 } },
  ])('$reason', ({ texts, values }) => {
    expect(readAssignments(texts, types, files)).toEqual(values);
  });

  test.each([
    { reason: 'no value', texts: ['a'] },
    { reason: 'no name', texts: ['=1'] },
    { reason: 'the same name twice', texts: ['a=1', 'a=2'] },
    { reason: 'a file that is not there', texts: ['a=@/nowhere/at/all'] },
  ])('refused: $reason', ({ texts }) => {
    expect(() => readAssignments(texts, types)).toThrow(CliError);
  });

  test('a parameter named __proto__ is a value, not a prototype', () => {
    const values = readAssignments(['__proto__={"x":1}'], new Map());
    expect(Object.keys(values)).toEqual(['__proto__']);
    expect(JSON.stringify(values)).toBe('{"__proto__":{"x":1}}');
  });
});

test('declared types follow the form, and a name that is used twice carries the title of its task', () => {
  const parameters: WorkflowParameter[] = [
    { env_variable_name: 'epochs', ui_form: { type: 'int' } },
    { env_variable_name: 'regions', ui_form: { type: 'list', options: ['a', 'b'], multiselectable: true } },
    { env_variable_name: 'size', ui_form: { type: 'list', options: ['1', '2'], multiselectable: false } },
    { env_variable_name: 'dose', ui_form: { type: 'list', options: [1, 2] } },
    { env_variable_name: 'input', ui_form: { type: 'file' } },
    { env_variable_name: 'epochs', task_title: 'train', ui_form: { type: 'str' } },
    { env_variable_name: 'version', task_title: 'train', ui_form: { type: 'str' } },
    { env_variable_name: 'new', ui_form: { type: 'a type of tomorrow' } },
  ];
  expect([...declaredTypes(parameters)]).toEqual([
    ['epochs', 'integer'],
    ['regions', 'list'],
    ['size', 'string'],
    ['dose', 'number'],
    ['input', 'reference'],
    ['train.epochs', 'string'],
    ['version', 'string'],
    ['new', 'any'],
  ]);
});
