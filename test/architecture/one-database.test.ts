import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONFIG_SCHEMA } from '../../src/config-schema.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const product = ['src', 'adapters', 'definition'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith('.ts') && !/\.test[.-]/.test(path)),
);

function filesWith(pattern: RegExp): string[] {
  return product.filter((file) => pattern.test(readFileSync(join(root, file), 'utf8'))).sort();
}

test('F16: one setting says where the database is, and there is no other way to name one', () => {
  const addresses = CONFIG_SCHEMA.filter((entry) => entry.kind === 'url' && entry.protocols.includes('postgresql:'));
  expect(addresses.map((entry) => entry.name)).toEqual(['DATABASE_URL']);
  expect(filesWith(/databaseUrl\??\.reveal\(\)/)).toEqual(['src/open-database.ts', 'src/start-refused.ts']);
});

test('F16: every connection is opened by the pool, the listener beside it, the migrator or the embedded server', () => {
  expect(filesWith(/new (pg\.)?Pool\(/)).toEqual(['src/platform/database.ts']);
  expect(filesWith(/new (pg\.)?Client\(/)).toEqual([
    'src/dispatch/wake-ups.ts',
    'src/platform/embedded-postgres.ts',
    'src/platform/migrator.ts',
  ]);
  expect(filesWith(/new Database\(/)).toEqual(['src/open-database.ts']);
});
