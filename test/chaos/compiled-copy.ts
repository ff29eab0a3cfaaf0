import { transform, type Options } from '@swc/core';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Programs } from '../support/service-process.js';
import { applyChanges, type Bug } from './bugs.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDERS = ['definition', 'adapters', 'src', 'test/support'];
/** What the compiled code reads at run time, from the same relative place. */
const ASSETS = [
  'package.json',
  'migrations',
  'adapters/local/migrations',
  'definition/definition.schema.json',
  'openapi/openapi.json',
];

export interface CompiledCopy {
  programs: Programs;
  remove(): Promise<void>;
}

/**
 * The service and the scripted engine, compiled once into a folder of their own: processes that are started hundreds of times
 * start faster so, and a bug can be put into them without touching the sources. Throws when the bug does not fit them.
 */
export async function compileCopy(bug?: Bug): Promise<CompiledCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-compiled-'));
  try {
    for (const file of await sources()) await compile(file, folder, bug);
    for (const asset of ASSETS) await cp(join(ROOT, asset), join(folder, asset), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const support = join(folder, 'test/support');
  return {
    programs: {
      service: [join(support, 'scripted-service.process.js')],
      engine: [join(support, 'scripted-engine/scripted-engine.process.js')],
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function sources(): Promise<string[]> {
  const found = await Promise.all(
    FOLDERS.map(async (folder) => {
      const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    }),
  );
  return found
    .flat()
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => relative(ROOT, path));
}

async function compile(file: string, folder: string, bug: Bug | undefined): Promise<void> {
  const text = await readFile(join(ROOT, file), 'utf8');
  const changed = bug ? applyChanges(bug, file, text) : text;
  const { code } = await transform(changed, { ...(await options()), filename: file, swcrc: false });
  const target = join(folder, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
}

let read: Promise<Options> | undefined;

/** The ones all tests are compiled with; JavaScript, since jest and node read them too. */
function options(): Promise<Options> {
  const file = new URL('../../scripts/swc-options.js', import.meta.url).href;
  read ??= (import(file) as Promise<{ swcOptions: Options }>).then(({ swcOptions }) => swcOptions);
  return read;
}
