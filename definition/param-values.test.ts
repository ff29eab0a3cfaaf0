import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { checkValue } from './check-value.js';
import type { Json, ParamSchema } from './definition-types.js';
import { effectiveParameters } from './param-values.js';

const params: Record<string, ParamSchema> = {
  dataset: { type: 'string', pattern: '^[a-z0-9-]+$', maxLength: 10 },
  epochs: { type: 'integer', default: 10, minimum: 1, maximum: 500 },
  rate: { type: 'number', default: 0.5, exclusiveMinimum: 0 },
  regions: {
    type: 'array',
    items: { type: 'string', enum: ['emea', 'apac'] },
    default: ['emea'],
    minItems: 1,
    uniqueItems: true,
  },
  mode: { type: 'string', enum: ['fast', 'exact'], default: 'fast' },
  publish: { type: 'boolean', default: false },
  day: { type: 'string', format: 'date', default: '2024-02-29' },
  options: {
    type: 'object',
    default: {},
    properties: { depth: { type: 'integer' } },
    required: [],
    additionalProperties: false,
  },
};

describe('the parameters of a run', () => {
  test('defaults are filled in and given values kept as they are', () => {
    const result = effectiveParameters(params, { dataset: 'churn', epochs: 3, rate: 2 });
    expect(result).toEqual({
      ok: true,
      errors: [],
      values: {
        dataset: 'churn',
        epochs: 3,
        rate: 2,
        regions: ['emea'],
        mode: 'fast',
        publish: false,
        day: '2024-02-29',
        options: {},
      },
    });
  });

  test('a default is a copy: changing it changes no other run', () => {
    const first = effectiveParameters(params, { dataset: 'a' });
    (first.values.regions as Json[]).push('x');
    expect(effectiveParameters(params, { dataset: 'a' }).values.regions).toEqual(['emea']);
  });

  test.each<{ reason: string; given: Record<string, Json>; code: string; says: string }>([
    { reason: 'required', given: {}, code: 'missing-parameter', says: 'The parameter "dataset" is required.' },
    {
      reason: 'unknown',
      given: { dataset: 'a', epoch: 1 },
      code: 'unknown-parameter',
      says: 'There is no parameter "epoch"; did you mean "epochs"?',
    },
    {
      reason: 'a name of every object',
      given: { dataset: 'a', constructor: 1 },
      code: 'unknown-parameter',
      says: 'There is no parameter "constructor"; there are "dataset", "epochs", "rate", "regions", "mode", "publish", "day", "options".',
    },
    {
      reason: 'null is no value',
      given: { dataset: null },
      code: 'wrong-type',
      says: 'The parameter "dataset" must be text.',
    },
    {
      reason: 'a number as text',
      given: { dataset: 'a', epochs: '3' },
      code: 'wrong-type',
      says: 'The parameter "epochs" must be a whole number, not text in quotes.',
    },
    {
      reason: 'half a number',
      given: { dataset: 'a', epochs: 1.5 },
      code: 'wrong-type',
      says: 'The parameter "epochs" must be a whole number.',
    },
    {
      reason: 'a number that is not exact',
      given: { dataset: 'a', epochs: 2 ** 53 },
      code: 'wrong-type',
      says: 'The parameter "epochs" must be a whole number between -9007199254740991 and 9007199254740991.',
    },
    {
      reason: 'too small',
      given: { dataset: 'a', epochs: 0 },
      code: 'out-of-range',
      says: 'The parameter "epochs" must be 1 or more.',
    },
    {
      reason: 'too large',
      given: { dataset: 'a', epochs: 501 },
      code: 'out-of-range',
      says: 'The parameter "epochs" must be 500 or less.',
    },
    {
      reason: 'the bound itself is out',
      given: { dataset: 'a', rate: 0 },
      code: 'out-of-range',
      says: 'The parameter "rate" must be more than 0.',
    },
    {
      reason: 'another form',
      given: { dataset: 'A B' },
      code: 'bad-format',
      says: 'The parameter "dataset" must match the pattern ^[a-z0-9-]+$.',
    },
    {
      reason: 'too long',
      given: { dataset: 'abcdefghijk' },
      code: 'bad-length',
      says: 'The parameter "dataset" must have 10 characters or fewer.',
    },
    {
      reason: 'not among the choices',
      given: { dataset: 'a', mode: 'slow' },
      code: 'not-allowed',
      says: 'The parameter "mode" must be one of "fast", "exact".',
    },
    {
      reason: 'an entry of a list',
      given: { dataset: 'a', regions: ['emea', 'x'] },
      code: 'not-allowed',
      says: 'The parameter "regions[1]" must be one of "emea", "apac".',
    },
    {
      reason: 'an empty list',
      given: { dataset: 'a', regions: [] },
      code: 'bad-length',
      says: 'The parameter "regions" must have 1 entries or more.',
    },
    {
      reason: 'an entry twice',
      given: { dataset: 'a', regions: ['emea', 'emea'] },
      code: 'duplicate-entry',
      says: 'The parameter "regions" must not hold the same entry twice.',
    },
    {
      reason: 'a day that is none',
      given: { dataset: 'a', day: '2023-02-29' },
      code: 'bad-format',
      says: 'The parameter "day" must be of the format date.',
    },
    {
      reason: 'a member of an object',
      given: { dataset: 'a', options: { depth: 'x' } },
      code: 'wrong-type',
      says: 'The parameter "options.depth" must be a whole number, not text.',
    },
    {
      reason: 'an unknown member',
      given: { dataset: 'a', options: { deep: 1 } },
      code: 'unknown-field',
      says: 'The parameter "options" must not have "deep".',
    },
  ])('$reason', ({ given, code, says }) => {
    const { ok, errors, values } = effectiveParameters(params, given);
    expect(errors.map((error) => [error.code, error.message])).toEqual([[code, says]]);
    expect([ok, values]).toEqual([false, {}]);
  });

  test.each([
    { type: 'integer', given: '-5', says: 'a whole number, not text in quotes' },
    { type: 'integer', given: 'true', says: 'a whole number, not text' },
    { type: 'boolean', given: 'true', says: 'true or false, not text in quotes' },
    { type: 'boolean', given: '5', says: 'true or false, not text' },
  ] as const)('quotes are named only where they are all that is wrong: $given as $type', ({ type, given, says }) => {
    const { errors } = effectiveParameters({ p: { type } }, { p: given });
    expect(errors.map(({ message }) => message)).toEqual([`The parameter "p" must be ${says}.`]);
  });

  test.each([
    { known: 0, says: 'there is none.' },
    { known: 1, says: 'there is "0-of-many".' },
    { known: 9, says: /^there are "0-of-many", .*"7-of-many" and others\.$/ },
  ])('whoever names a parameter that is not there is told of $known', ({ known, says }) => {
    const names = Array.from({ length: known }, (_, at): [string, ParamSchema] => [
      `${at}-of-many`,
      { type: 'integer', default: 0 },
    ]);
    const [error] = effectiveParameters(Object.fromEntries(names), { stranger: 1 }).errors;
    expect(error?.message.replace('There is no parameter "stranger"; ', '')).toEqual(
      typeof says === 'string' ? says : expect.stringMatching(says),
    );
  });

  test('a multiple is one however doubles write it', () => {
    const tenths: Record<string, ParamSchema> = { p: { type: 'number', multipleOf: 0.1 } };
    expect([0.3, 0.7, 1.1, 0.35].map((p) => effectiveParameters(tenths, { p }).ok)).toEqual([true, true, true, false]);
  });

  test('every error comes at once', () => {
    const { errors } = effectiveParameters(params, { epochs: 0, mode: 'x', what: 1 });
    expect(errors.map(({ name }) => name).sort()).toEqual(['dataset', 'epochs', 'mode', 'what']);
  });

  test('a pattern made to run for ever takes no time', () => {
    const slow: Record<string, ParamSchema> = { p: { type: 'string', pattern: '^(a+)+$' } };
    const started = Date.now();
    expect(effectiveParameters(slow, { p: `${'a'.repeat(50_000)}b` }).ok).toBe(false);
    expect(Date.now() - started).toBeLessThan(5000);
  });
});

// Not on members named like `toString`: those make the other one throw.
describe('the checker agrees with a full JSON Schema validator', () => {
  // Without it what every object inherits counts as there: `toString` is never missing.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, ownProperties: true });
  const bound = fc.integer({ min: -3, max: 3 });
  const size = fc.integer({ min: 0, max: 3 });
  const value = fc.letrec<{ any: Json }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 2 },
      fc.constantFrom<Json>('', 'a', 'ab', 'é😀', true, false, null, 0, 1, -2, 2.5),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 2 }),
    ),
  })).any;
  const schema = fc.letrec<{ schema: Record<string, Json> }>((tie) => ({
    schema: fc.record(
      {
        type: fc.constantFrom('string', 'integer', 'number', 'boolean', 'array', 'object'),
        enum: fc.array(value, { minLength: 1, maxLength: 3 }),
        const: value,
        minimum: bound,
        maximum: bound,
        exclusiveMinimum: bound,
        exclusiveMaximum: bound,
        multipleOf: fc.constantFrom(1, 2, 0.5),
        minLength: size,
        maxLength: size,
        pattern: fc.constantFrom('^a', 'b$', '^$'),
        minItems: size,
        maxItems: size,
        uniqueItems: fc.boolean(),
        items: fc.oneof({ maxDepth: 2 }, fc.constant<Record<string, Json>>({}), tie('schema')),
        properties: fc.dictionary(
          fc.constantFrom('a', 'b'),
          fc.oneof({ maxDepth: 2 }, fc.constant<Record<string, Json>>({}), tie('schema')),
          {
            maxKeys: 2,
          },
        ),
        required: fc.uniqueArray(fc.constantFrom('a', 'b', 'toString')),
        additionalProperties: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  })).schema;

  test('where a required property has the name of an inherited one', () => {
    const rules = { required: ['toString'] };
    expect([ajv.validate(rules, {}), checkValue(rules, {}).length === 0]).toEqual([false, false]);
  });

  test('on what is right and what is wrong', () => {
    fc.assert(
      fc.property(schema, value, (rules, candidate) => {
        const plainRules = JSON.parse(JSON.stringify(rules)) as Record<string, Json>;
        const plain = JSON.parse(JSON.stringify(candidate)) as Json;
        const expected = ajv.validate(plainRules, plain);
        ajv.removeSchema(plainRules);
        expect(checkValue(plainRules, plain).length === 0).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });
});
