import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { configurationTable } from '../../src/configuration-table.js';
import { problemTable } from '../../src/platform/problem-table.js';

const root = new URL('../../', import.meta.url);

/** The text between `<!-- name -->` and `<!-- /name -->`. */
function section(file: string, name: string): string {
  const text = readFileSync(new URL(file, root), 'utf8');
  const match = new RegExp(`<!-- ${name} -->\\s*([\\s\\S]*?)\\s*<!-- /${name} -->`).exec(text);
  if (!match) throw new Error(`${file} has no section ${name}`);
  return match[1] ?? '';
}

test('README lists every configuration key with its default, bounds and meaning', () => {
  expect(section('README.md', 'configuration')).toBe(configurationTable());
});

test('docs/problems.md lists every problem code with its status and title', () => {
  expect(section('docs/problems.md', 'problems')).toBe(problemTable());
});

test('the committed openapi.json is there to be served', () => {
  expect(existsSync(new URL('openapi/openapi.json', root))).toBe(true);
});
