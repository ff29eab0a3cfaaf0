/** Processes of the benchmark: the product, the floor, the load. Each ends with the benchmark. */
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = fileURLToPath(new URL('../../scripts/typescript-loader.js', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../bin/signalbox.js', import.meta.url));
const TASKSET = '/usr/bin/taskset';

export interface Started {
  pid: number;
  /** Where it listens. */
  url: string;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
}

/** For a look inside: `BENCH_NODE_FLAGS='--cpu-prof --cpu-prof-dir=/tmp/profiles' npm run bench -- get`. */
const NODE_FLAGS = process.env['BENCH_NODE_FLAGS']?.split(' ') ?? [];

/** `signalbox ROLE` of the built product on a free port. */
export function startProduct(role: string, env: Record<string, string>): Promise<Started> {
  return listening([...NODE_FLAGS, COMMAND, role], { PORT: '0', LOG_LEVEL: 'warn', ...env });
}

/** An entry of this folder, run from its TypeScript source; it says on stdout where it listens. */
export function startEntry(entry: string, env: Record<string, string>): Promise<Started> {
  const file = fileURLToPath(new URL(entry, import.meta.url));
  return listening(['--import', LOADER, file], env);
}

async function listening(args: string[], env: Record<string, string>): Promise<Started> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const found = /listens on (http:\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code} before it listened`)));
  });
  const listeningUrl = await url;
  return {
    pid: child.pid ?? 0,
    url: listeningUrl,
    stop: () => ended(child),
  };
}

/** A child with messages, on a core of its own where there are several and the machine can do it. */
export function forkEntry(entry: string): ChildProcess {
  const file = fileURLToPath(new URL(entry, import.meta.url));
  const child = fork(file, { execArgv: ['--import', LOADER] });
  bind(child.pid ?? 0, (last) => String(last));
  return child;
}

/** Leaves the core of the load to the load: what it needs more at a higher rate is not taken from this process. */
export function keepOffLoad(pid: number): void {
  bind(pid, (last) => `0-${last - 1}`);
}

/** Where there are several cores and the machine can do it. Children that the process makes later are bound as it is. */
function bind(pid: number, cores: (last: number) => string): void {
  const last = cpus().length - 1;
  if (last === 0 || !existsSync(TASKSET)) return;
  spawnSync(TASKSET, ['-a', '-p', '-c', cores(last), String(pid)], { stdio: 'ignore' });
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
