import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { generatedSections } from './generated-sections.js';

const root = new URL('../../', import.meta.url);

test.each(generatedSections())('$file repeats $name as the code has it', ({ file, name, text }) => {
  const document = readFileSync(new URL(file, root), 'utf8');
  const match = new RegExp(`<!-- ${name} -->\\s*([\\s\\S]*?)\\s*<!-- /${name} -->`).exec(document);
  expect(match?.[1]).toBe(text.trim());
});

test('the committed openapi.json is there to be served', () => {
  expect(existsSync(new URL('openapi/openapi.json', root))).toBe(true);
});
