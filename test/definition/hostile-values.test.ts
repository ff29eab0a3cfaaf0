import { describe, expect, test } from '@jest/globals';
import { checkValue } from '../../definition/check-value.js';
import type { Json } from '../../definition/definition-types.js';
import { effectiveParameters } from '../../definition/param-values.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { MatchBudget } from '../../definition/pattern.js';
import { processorMs } from '../support/processor-time.js';

/** Milliseconds of processor: longer than any of these takes, shorter than what each took before it was bounded. */
const QUICK_MS = 1500;

async function quick<T>(work: () => T, limitMs = QUICK_MS): Promise<T> {
  let result: T | undefined;
  const took = await processorMs(limitMs, () => {
    result = work();
  });
  expect(took).toBeLessThan(limitMs);
  return result as T;
}

describe('a value whose check would hold the process up', () => {
  const slow = '(?:a?){900}[cd]';
  const many = (count: number, of: (index: number) => Json): Json[] => Array.from({ length: count }, (_, at) => of(at));
  test.each<{ reason: string; schema: Record<string, Json>; value: Json; codes: string[] }>([
    {
      reason: 'linear, but half a minute',
      schema: { type: 'string', pattern: slow },
      value: 'a'.repeat(1_000_000),
      codes: ['bad-length'],
    },
    {
      reason: 'the same in many pieces',
      schema: { type: 'array', items: { type: 'string', pattern: '(?:a?){900}[a-d]' } },
      value: many(5000, () => 'a'.repeat(200)),
      codes: ['bad-length'],
    },
    {
      reason: 'a plain pattern gets through a long text',
      schema: { type: 'string', pattern: '^[a-z]+$' },
      value: 'a'.repeat(400_000),
      codes: [],
    },
    {
      reason: 'a plain pattern gets through many short texts',
      schema: { type: 'array', items: { type: 'string', pattern: '^[a-z0-9-]{1,63}$' } },
      value: many(400, (index) => `name-${index}`),
      codes: [],
    },
    {
      reason: 'thousands of objects against thousands of choices',
      schema: { type: 'array', items: { enum: many(8000, (index) => ({ a: index })) } },
      value: many(8000, (index) => ({ a: 7999 - index })),
      codes: [],
    },
  ])('$reason', async ({ schema, value, codes }) => {
    const problems = await quick(() => checkValue(schema, value));
    expect([...new Set(problems.map(({ code }) => code))]).toEqual(codes);
  });

  test('the parameters of one run share what matching may cost', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `p${index}`);
    const schemas = Object.fromEntries(names.map((name) => [name, { type: 'string' as const, pattern: slow }]));
    const given = Object.fromEntries(names.map((name) => [name, 'a'.repeat(2000)]));
    const { ok, errors } = await quick(() => effectiveParameters(schemas, given));
    expect(ok).toBe(false);
    expect(errors.some(({ code }) => code === 'bad-length')).toBe(true);
  });

  test('of a hundred thousand unknown parameters some are told', async () => {
    const given = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`stranger-${index}`, 1]));
    const { errors } = await quick(() => effectiveParameters({ known: { type: 'string' } }, given));
    expect(errors.filter(({ code }) => code === 'unknown-parameter')).toHaveLength(100);
  });

  test('thousands of wrong examples of thousands of choices are told as some', async () => {
    const choices = Array.from({ length: 20_000 }, (_, index) => index).join(',');
    const examples = Array.from({ length: 20_000 }, (_, index) => index + 20_000).join(',');
    const text = `apiVersion: signalbox/v1
kind: Workflow
name: hostile
params:
  p: { type: integer, enum: [${choices}], examples: [${examples}] }
tasks:
  a: { command: [echo, "\${{ params.p }}"] }
`;
    const { ok, diagnostics } = await quick(() => parseDefinition(text), 2 * QUICK_MS);
    expect(ok).toBe(false);
    expect(diagnostics.filter(({ code }) => code === 'bad-example')).toHaveLength(20);
  });
});

test('a budget gives nothing to what it cannot pay whole', () => {
  const budget = new MatchBudget(10);
  expect([budget.spend(11), budget.spend(6), budget.spend(5), budget.spend(4), budget.spend(1)]).toEqual([
    false,
    true,
    false,
    true,
    false,
  ]);
});
