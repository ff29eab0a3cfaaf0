// Lets node run the TypeScript sources directly: node --import ./scripts/typescript-loader.js src/cli/main.ts
// What a file was compiled to is kept by its content: tests start many processes from the same sources.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, threadId } from 'node:worker_threads';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, 'node_modules/.cache/signalbox-typescript');

if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(url);
  return { format: 'module', source: await compiled(file, await readFile(file, 'utf8')), shortCircuit: true };
}

async function compiled(file, source) {
  const kept = join(CACHE, `${await digest(file, source)}.js`);
  const known = await readFile(kept, 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const { transform } = await import('@swc/core');
  const { swcOptions } = await import('./swc-options.js');
  const { code } = await transform(source, { ...swcOptions, filename: file, sourceMaps: 'inline', swcrc: false });
  // Whole or not at all: others read it at the same moment. Where nothing can be kept, each process compiles for itself.
  const part = `${kept}.${process.pid}.${threadId}`;
  await mkdir(CACHE, { recursive: true })
    .then(() => writeFile(part, code))
    .then(() => rename(part, kept))
    .catch(() => undefined);
  return code;
}

let versions;

/** Of all that decides what comes out: the file's name (source maps), its text, the compiler and its options. */
async function digest(file, source) {
  versions ??= Promise.all(
    ['scripts/swc-options.js', 'node_modules/@swc/core/package.json'].map((path) => readFile(join(ROOT, path))),
  );
  const hash = createHash('sha256');
  for (const part of [...(await versions), file, source]) hash.update(part).update('\0');
  return hash.digest('hex');
}
