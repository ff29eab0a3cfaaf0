import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { transformSync } from '@swc/core';
import type { AttemptSpec } from './attempt-folder.js';
import { PARTS, makeFolder, replaceFile, sha256 } from './attempt-folder.js';

/** The supervisor with all it imports. */
const MODULES = [
  'supervisor',
  'attempt-end',
  'attempt-folder',
  'attempt-processes',
  'output-files',
  'plain-file',
  'process-identity',
  'record-shapes',
  'task-log',
];

let entry: string | undefined;

/**
 * Starts the supervisor of an attempt in a session of its own. Repeatable: of several for one attempt the first claims
 * it, the others end. It gets nothing of our environment.
 */
export function launchSupervisor(folder: string, spec: AttemptSpec, manifest: object): ChildProcess {
  for (const part of ['inputs', 'outputs', 'artifacts', 'work']) makeFolder(join(folder, PARTS.task, part));
  // In one step each: another supervisor of this attempt may be reading them.
  replaceFile(join(folder, PARTS.task, 'manifest.json'), JSON.stringify(manifest));
  replaceFile(join(folder, PARTS.spec), JSON.stringify(spec));
  const complaints = openSync(join(folder, PARTS.complaints), 'a', 0o600);
  try {
    entry ??= supervisorEntry();
    return spawn(process.execPath, ['--max-old-space-size=128', entry, folder], {
      cwd: folder,
      env: {},
      detached: true,
      stdio: ['ignore', 'ignore', complaints],
    });
  } finally {
    closeSync(complaints);
  }
}

/** The compiled supervisor beside this file; when run from TypeScript sources, a translation made once per content. */
function supervisorEntry(): string {
  const compiled = fileURLToPath(new URL('./supervisor.js', import.meta.url));
  return existsSync(compiled) ? compiled : translate();
}

function translate(): string {
  const sources = MODULES.map((name) => ({
    name,
    text: readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8'),
  }));
  const user = process.getuid?.() ?? 0;
  const home = join(tmpdir(), `signalbox-supervisor-${user}-${sha256(JSON.stringify(sources)).slice(0, 16)}`);
  const main = join(home, 'supervisor.js');
  if (existsSync(main)) return main;
  const swc = createRequire(import.meta.url)('@swc/core') as { transformSync: typeof transformSync };
  const draft = `${home}.${process.pid}`;
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  for (const { name, text } of sources) {
    const { code } = swc.transformSync(text, { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } });
    writeFileSync(join(draft, `${name}.js`), code);
  }
  writeFileSync(join(draft, 'package.json'), '{"type":"module"}');
  try {
    renameSync(draft, home);
  } catch {
    // Another process made it first.
  }
  return main;
}
