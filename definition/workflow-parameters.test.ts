import { expect, test } from '@jest/globals';
import type { ParamSchema } from './definition-types.js';
import { toWorkflowParameters } from './workflow-parameters.js';

test.each<{ reason: string; schema: ParamSchema; form: object }>([
  {
    reason: 'text with a pattern, required without a default',
    schema: { type: 'string', title: 'T', description: 'D', pattern: '^a' },
    form: { type: 'str', title: 'T', description: 'D', required: true, regex_pattern: '^a' },
  },
  {
    reason: 'a whole number with bounds; the name stands in for a title',
    schema: { type: 'integer', default: 0, minimum: 0, maximum: 9 },
    form: { type: 'int', title: 'p', description: '', required: false, default: 0, minimum: 0, maximum: 9 },
  },
  {
    reason: 'a number',
    schema: { type: 'number', minimum: 0.5 },
    form: { type: 'float', title: 'p', description: '', required: true, minimum: 0.5 },
  },
  {
    reason: 'true or false; a default of false is one',
    schema: { type: 'boolean', default: false, 'x-ui': { true_label: 'yes', false_label: 'no' } },
    form: {
      type: 'bool',
      title: 'p',
      description: '',
      required: false,
      default: false,
      true_label: 'yes',
      false_label: 'no',
    },
  },
  {
    reason: 'a choice is a list of one',
    schema: { type: 'string', enum: ['a', 'b'] },
    form: { type: 'list', title: 'p', description: '', required: true, options: ['a', 'b'], multiselectable: false },
  },
  {
    reason: 'a list of choices is a list of many',
    schema: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
    form: { type: 'list', title: 'p', description: '', required: true, options: ['a', 'b'], multiselectable: true },
  },
  {
    reason: 'a list of free entries has no options',
    schema: { type: 'array', default: ['a'] },
    form: { type: 'list', title: 'p', description: '', required: false, default: ['a'], multiselectable: true },
  },
  {
    reason: 'an object',
    schema: { type: 'object', default: {} },
    form: { type: 'object', title: 'p', description: '', required: false, default: {} },
  },
  {
    reason: 'a widget that is a form of its own',
    schema: { type: 'string', 'x-ui': { widget: 'dataset-picker', help: 'H' } },
    form: { type: 'dataset', title: 'p', description: '', required: true, help: 'H' },
  },
  {
    reason: 'a form the author chose, with its members; others are left out',
    schema: { type: 'string', 'x-ui': { type: 'file', accept: '.csv', multiple: true, colour: 'red' } },
    form: { type: 'file', title: 'p', description: '', required: true, accept: '.csv', multiple: true },
  },
  {
    reason: 'nonsense under x-ui changes nothing',
    schema: { type: 'string', 'x-ui': { type: 'nonsense', widget: 'toString', title: 7 } },
    form: { type: 'str', title: 'p', description: '', required: true },
  },
])('a form: $reason', ({ schema, form }) => {
  expect(toWorkflowParameters({ p: schema })).toEqual([{ env_variable_name: 'p', ui_form: form }]);
});
