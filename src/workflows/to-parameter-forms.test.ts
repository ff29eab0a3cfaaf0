import { describe, expect, test } from '@jest/globals';
import type { EngineParameter } from '../../adapters/spi/discovery.js';
import { toParameterForms } from './to-parameter-forms.js';

const declared = (given: Partial<EngineParameter>): EngineParameter => ({
  name: 'x',
  schema: {},
  required: false,
  ...given,
});

describe('a form asks for', () => {
  test.each<{ reason: string; given: Partial<EngineParameter>; form: Record<string, unknown> }>([
    {
      reason: 'a text with its default',
      given: { schema: { type: 'string', title: 'Who', description: 'Whom to greet' }, default: 'you' },
      form: { type: 'str', title: 'Who', description: 'Whom to greet', required: false, default: 'you' },
    },
    {
      reason: 'a number within its bounds, which a run has to give',
      given: { schema: { type: 'integer', minimum: 1, maximum: 9 }, required: true },
      form: { type: 'int', minimum: 1, maximum: 9, required: true },
    },
    {
      reason: 'one of a choice, null left out of it',
      given: { schema: { enum: ['red', 'blue', null] }, default: 'red' },
      form: { type: 'list', options: ['red', 'blue'], default: 'red' },
    },
    {
      reason: 'several of a choice',
      given: { schema: { type: 'array', items: { enum: [1, 2] } }, default: [1] },
      form: { type: 'list', options: [1, 2], multiselectable: true, default: [1] },
    },
    { reason: 'what its default is, without a type', given: { default: true }, form: { type: 'bool', default: true } },
    {
      reason: 'an object',
      given: { schema: { type: 'object' }, default: { a: 1 } },
      form: { type: 'object', default: { a: 1 } },
    },
    {
      reason: 'a text that may be left out',
      given: { schema: { type: ['null', 'string'] } },
      form: { type: 'str', required: false },
    },
    { reason: 'a text, where nothing is told', given: {}, form: { type: 'str', required: false } },
    {
      reason: 'a number whose bounds contradict each other, without them',
      given: { schema: { type: 'number', minimum: 9, maximum: 1 }, default: 5 },
      form: { type: 'float', default: 5 },
    },
    {
      reason: 'a text whose pattern is none of ours, without it',
      given: { schema: { type: 'string', pattern: '(?=look)ahead' }, default: 'a' },
      form: { type: 'str', default: 'a' },
    },
  ])('$reason', ({ given, form }) => {
    const { parameters, notes } = toParameterForms([declared(given)]);
    expect(notes).toEqual([]);
    expect(parameters).toEqual([{ env_variable_name: 'x', ui_form: expect.objectContaining(form) as unknown }]);
    const members = Object.keys(parameters[0]?.ui_form ?? {});
    expect(members.filter((member) => ['minimum', 'maximum', 'regex_pattern'].includes(member))).toEqual(
      Object.keys(form).filter((member) => ['minimum', 'maximum'].includes(member)),
    );
  });
});

describe('no form asks for', () => {
  test.each<{ reason: string; given: Partial<EngineParameter>; says: string }>([
    { reason: 'a name that is none of ours', given: { name: 'a-b' }, says: 'its name' },
    { reason: 'a list of anything', given: { schema: { type: 'array' } }, says: 'a list of anything' },
    { reason: 'a list of anything by its default', given: { default: ['a'] }, says: 'a list of anything' },
    { reason: 'several types', given: { schema: { type: ['integer', 'string'] } }, says: 'integer or string' },
    { reason: 'a type nobody knows', given: { schema: { type: 'colour' } }, says: 'colour' },
    { reason: 'a type that an object calls its own', given: { schema: { type: 'constructor' } }, says: 'constructor' },
    { reason: 'a default of another type', given: { schema: { type: 'integer' }, default: 'x' }, says: 'default' },
    { reason: 'a choice among things', given: { schema: { enum: [{ a: 1 }, 'b'] } }, says: 'default' },
  ])('$reason, and the note says why', ({ given, says }) => {
    const { parameters, notes } = toParameterForms([declared(given), declared({ name: 'other' })]);
    expect(parameters.map(({ env_variable_name: name }) => name)).toEqual(['other']);
    expect(notes).toEqual([expect.stringContaining(says)]);
  });
});
