import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Construct } from './constructs.js';
import { usedConstructs } from './constructs.js';
import { parseDefinition } from './parse-definition.js';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'examples');
const examples = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** What needs nothing but processes: what a laptop can run at once. */
const PROCESSES_ONLY: readonly Construct[] = [
  'params',
  'run',
  'command',
  'args',
  'needs',
  'references',
  'outputs',
  'retry',
  'timeout',
  'runTimeout',
  'maxParallel',
  'allowFailure',
  'skipExitCode',
  'when',
  'trigger',
  'foreach',
  'env',
  'runOutputs',
  // Where there are no containers it has no effect.
  'image',
];

test('the examples are there', () => {
  expect(examples).toEqual(expect.arrayContaining(['etl', 'monte-carlo', 'parity']));
});

test.each(examples)('the example %s is without a warning and runs on a laptop', (name) => {
  const result = parseDefinition(readFileSync(join(folder, name, 'workflow.yaml'), 'utf8'));
  expect(result.diagnostics).toEqual([]);
  expect(result.ok).toBe(true);
  if (!result.ok) return;
  const constructs = usedConstructs(result.definition).map(({ construct }) => construct);
  expect(constructs.filter((construct) => !PROCESSES_ONLY.includes(construct))).toEqual([]);
  expect(result.definition.name).toBe(name);
});

test('the etl example shows a diamond, a retry, a value passed on, a fan-out and a task skipped by its trigger', () => {
  const result = parseDefinition(readFileSync(join(folder, 'etl', 'workflow.yaml'), 'utf8'));
  if (!result.ok) throw new Error('etl does not parse');
  const { tasks } = result.definition;
  const task = (id: string) => tasks.find((candidate) => candidate.id === id);
  expect(tasks.length).toBeGreaterThanOrEqual(6);
  expect(task('join')?.needs).toEqual(['extract.customers', 'extract.orders']);
  expect([task('extract.customers')?.needs, task('extract.orders')?.needs]).toEqual([['locate'], ['locate']]);
  expect(task('extract.customers')?.retry.max).toBeGreaterThan(0);
  expect(task('total')?.foreach?.items).toBe('${{ tasks.join.outputs.regions }}');
  expect(task('raise-alarm')?.trigger).toBe('any-failed');
});

test('the definitions in docs/definition.md are whole, without a warning, and run on a laptop', () => {
  const page = readFileSync(join(dirname(folder), 'docs', 'definition.md'), 'utf8');
  const texts = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  expect(texts.length).toBeGreaterThanOrEqual(2);
  for (const text of texts) {
    const result = parseDefinition(text);
    expect(result.diagnostics).toEqual([]);
    if (!result.ok) continue;
    const constructs = usedConstructs(result.definition).map(({ construct }) => construct);
    expect(constructs.filter((construct) => !PROCESSES_ONLY.includes(construct))).toEqual([]);
  }
});
