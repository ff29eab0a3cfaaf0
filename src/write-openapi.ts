/** Writes openapi/openapi.json from the compiled code, or with --check compares: `npm run openapi`. Nothing is started. */
import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeDocument } from './openapi-document.js';

const root = process.cwd();
const file = join(root, 'openapi', 'openapi.json');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const text = `${JSON.stringify(await makeDocument(version), null, 2)}\n`;
const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';

if (!process.argv.includes('--check')) {
  mkdirSync(join(root, 'openapi'), { recursive: true });
  for (const target of [file, join(root, 'dist', 'openapi', 'openapi.json')]) {
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, text);
  }
} else if (text !== committed) {
  process.stderr.write(`openapi/openapi.json is not what the code says: ${firstDifference(committed, text)}\n`);
  process.stderr.write('Run `npm run openapi` and commit the file.\n');
  process.exitCode = 1;
}

function firstDifference(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const line = now.findIndex((content, index) => content !== old[index]);
  return `line ${line + 1} is "${old[line]?.trim() ?? ''}", but should be "${now[line]?.trim() ?? ''}"`;
}
