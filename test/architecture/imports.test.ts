import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINE_KINDS } from '../../src/engines/registry.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Import {
  from: string;
  /** Path inside the repository, or the name of a package. */
  to: string;
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [
    ...text.matchAll(
      /(?:^|\n)(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ];
  return specifiers.map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (!specifier.startsWith('.')) return { from: file, to: specifier };
    return { from: file, to: relative(root, resolve(join(root, dirname(file)), specifier)).replace(/\.js$/, '.ts') };
  });
}

const isTest = (file: string): boolean =>
  /\.(test|test-support)\.ts$/.test(file) || file.startsWith('adapters/conformance/');
const product = ['definition', 'adapters', 'src'].flatMap(filesBelow).filter((file) => !isTest(file));
const imports = product.flatMap(importsOf);

const folderOf = (path: string): string => path.split('/').slice(0, 2).join('/');
const ADAPTERS = readdirSync(join(root, 'adapters'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['spi', 'conformance'].includes(entry.name))
  .map((entry) => entry.name);
const FEATURES = readdirSync(join(root, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'platform')
  .map((entry) => `src/${entry.name}/`);
const IO = /^(node:(fs|net|http|https|child_process|dgram|worker_threads)|pg$|undici$|fastify$|@nestjs\/)/;
const PURE = /(^definition\/|-state\.ts$|\/(decide|fold|refold|next-step|to-|compile)[^/]*\.ts$)/;

const rules: { reason: string; broken: (edge: Import) => boolean }[] = [
  {
    reason: 'the definition is below everything',
    broken: ({ from, to }) => from.startsWith('definition/') && /^(src|adapters|test)\//.test(to),
  },
  {
    reason: 'adapters know nothing of the service',
    broken: ({ from, to }) => from.startsWith('adapters/') && to.startsWith('src/'),
  },
  {
    reason: 'adapters know nothing of each other',
    broken: ({ from, to }) =>
      from.startsWith('adapters/') &&
      to.startsWith('adapters/') &&
      folderOf(from) !== folderOf(to) &&
      folderOf(to) !== 'adapters/spi',
  },
  {
    reason: 'one file of the service names adapters',
    broken: ({ from, to }) =>
      from.startsWith('src/') &&
      from !== 'src/engines/registry.ts' &&
      to.startsWith('adapters/') &&
      folderOf(to) !== 'adapters/spi',
  },
  {
    reason: 'the platform is below the features',
    broken: ({ from, to }) => from.startsWith('src/platform/') && FEATURES.some((feature) => to.startsWith(feature)),
  },
  {
    reason: 'the command is above the service',
    broken: ({ from, to }) => from.startsWith('src/') && !from.startsWith('src/cli/') && to.startsWith('src/cli/'),
  },
  { reason: 'test support stays out of the product', broken: ({ to }) => to.startsWith('test/') },
  { reason: 'what decides has no input and no output', broken: ({ from, to }) => PURE.test(from) && IO.test(to) },
  { reason: 'there are no barrels', broken: ({ to }) => to.endsWith('/index.ts') },
];

describe('imports', () => {
  test('are found at all', () => {
    expect(product.length).toBeGreaterThan(100);
    expect(imports.filter(({ to }) => to.startsWith('adapters/spi/')).length).toBeGreaterThan(10);
  });

  test.each(rules)('$reason', ({ broken }) => {
    expect(imports.filter(broken).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });
});

test('the rules see a forbidden import', () => {
  const forbidden: Import[] = [
    { from: 'definition/a.ts', to: 'src/b.ts' },
    { from: 'adapters/local/a.ts', to: 'src/b.ts' },
    { from: 'adapters/local/a.ts', to: 'adapters/argo/b.ts' },
    { from: 'src/lifecycle/a.ts', to: 'adapters/local/b.ts' },
    { from: 'src/platform/a.ts', to: 'src/lifecycle/b.ts' },
    { from: 'src/lifecycle/a.ts', to: 'src/cli/b.ts' },
    { from: 'src/lifecycle/a.ts', to: 'test/support/b.ts' },
    { from: 'src/reconcile/decide.ts', to: 'node:fs/promises' },
    { from: 'src/lifecycle/a.ts', to: 'src/platform/index.ts' },
  ];
  expect(rules.map((rule) => forbidden.some(rule.broken))).toEqual(rules.map(() => true));
});

describe('every adapter', () => {
  test.each(ADAPTERS)('%s is registered and has its conformance test', (name) => {
    expect(ENGINE_KINDS.map((kind) => kind.kind)).toContain(name);
    const tests = filesBelow(`adapters/${name}`).filter((file) => file.endsWith('conformance.test.ts'));
    expect(tests).not.toEqual([]);
    expect(existsSync(join(root, 'adapters', name, 'README.md'))).toBe(true);
  });
});

test('no file holds more than one idea can need', () => {
  const long = product.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401);
  expect(long).toEqual([]);
});
