// Writes the generated sections of README.md and docs/: node scripts/write-docs.js. A test compares them.
import './typescript-loader.js';
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const { generatedSections } = await import(new URL('test/architecture/generated-sections.ts', root).href);

for (const { file, name, text } of generatedSections()) {
  const path = new URL(file, root);
  const before = readFileSync(path, 'utf8');
  const marked = new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!marked.test(before)) throw new Error(`${file} has no section ${name}`);
  const after = before.replace(marked, (_, open, close) => `${open}\n\n${text}\n\n${close}`);
  if (after !== before) process.stdout.write(`${file}: ${name}\n`);
  writeFileSync(path, after);
}
