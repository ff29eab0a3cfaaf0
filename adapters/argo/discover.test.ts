import { expect, test } from '@jest/globals';
import type { JsonObject } from '../spi/http/read-answer.js';
import { parametersOf } from './discover.js';

test.each<{ reason: string; told: JsonObject; parameter: object }>([
  {
    reason: 'a value is the default',
    told: { name: 'p', value: 'x', description: 'What' },
    parameter: { schema: { type: 'string', description: 'What' }, default: 'x', required: false },
  },
  {
    reason: 'so is a default, where there is no value',
    told: { name: 'p', default: 'x' },
    parameter: { schema: { type: 'string' }, default: 'x', required: false },
  },
  {
    reason: 'numbers of a manifest are texts to Argo',
    told: { name: 'p', value: 5, enum: [5, 6] },
    parameter: { schema: { type: 'string', enum: ['5', '6'] }, default: '5', required: false },
  },
  { reason: 'nothing has to be given', told: { name: 'p' }, parameter: { schema: { type: 'string' }, required: true } },
  {
    reason: 'what comes from elsewhere is not asked for',
    told: { name: 'p', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
    parameter: { schema: { type: 'string' }, required: false },
  },
  {
    reason: 'a value that Argo fills in stays with Argo: it could not be sent back',
    told: { name: 'p', value: '{{workflow.name}}' },
    parameter: { schema: { type: 'string' }, required: false },
  },
])('$reason', ({ told, parameter }) => {
  expect(parametersOf({ arguments: { parameters: [told] } })).toEqual([{ name: 'p', ...parameter }]);
});

test('what is ours in a template is not asked for', () => {
  const parameters = [
    { name: 'signalbox-round', value: '1' },
    { name: 'signalbox-history', value: '' },
  ];
  expect(parametersOf({ arguments: { parameters } })).toEqual([]);
});
