import { expect, test } from '@jest/globals';
import type { JsonObject } from '../spi/http/read-answer.js';
import { parametersOf } from './discover.js';

/** As Airflow 3.3.2 tells them of `Param(...)`. */
test.each<{ reason: string; told: JsonObject; parameter: object }>([
  {
    reason: 'a plain value is its own default',
    told: { value: 'x', schema: {}, description: null, source: null },
    parameter: { schema: {}, default: 'x', required: false },
  },
  {
    reason: 'the description joins the schema',
    told: { value: 3, schema: { type: 'integer', minimum: 1 }, description: 'How many', source: null },
    parameter: { schema: { type: 'integer', minimum: 1, description: 'How many' }, default: 3, required: false },
  },
  {
    reason: 'a typed param without a value has to be given',
    told: { value: null, schema: { type: 'string', minLength: 2 }, description: null, source: null },
    parameter: { schema: { type: 'string', minLength: 2 }, required: true },
  },
  {
    reason: 'one that takes null has not',
    told: { value: null, schema: { type: ['null', 'string'] }, description: null, source: null },
    parameter: { schema: { type: ['null', 'string'] }, required: false },
  },
  {
    reason: 'Airflow 2 names the class beside it',
    told: { __class: 'airflow.models.param.Param', value: false, description: null, schema: { type: 'boolean' } },
    parameter: { schema: { type: 'boolean' }, default: false, required: false },
  },
])('$reason', ({ told, parameter }) => {
  expect(parametersOf({ params: { p: told } })).toEqual([{ name: 'p', ...parameter }]);
});

test('a DAG without params has none', () => {
  expect(parametersOf({})).toEqual([]);
  expect(parametersOf({ params: null })).toEqual([]);
});

test('params that are no map are an answer nobody can read', () => {
  expect(() => parametersOf({ params: ['p'] })).toThrow('cannot be read');
});
