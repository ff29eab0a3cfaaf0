/** Processes of the benchmark: the product, the floor, the load. Each ends with the benchmark. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = fileURLToPath(new URL('../../scripts/typescript-loader.js', import.meta.url));
const COMMAND = fileURLToPath(new URL('../../bin/signalbox.js', import.meta.url));
const TASKSET = '/usr/bin/taskset';

export interface Started {
  child: ChildProcess;
  pid: number;
  /** Where it listens. */
  url: string;
  /** From its start until it said that it listens, milliseconds. */
  tookMs: number;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
}

/** `signalbox ROLE` of the built product on a free port. */
export function startProduct(role: string, env: Record<string, string>): Promise<Started> {
  const args = [...(env['NODE_FLAGS']?.split(' ') ?? []), COMMAND, role];
  return listening(args, { PORT: '0', LOG_LEVEL: 'warn', ...env });
}

/** An entry of this folder, run from its TypeScript source; it says on stdout where it listens. */
export function startEntry(entry: string, env: Record<string, string>): Promise<Started> {
  const file = fileURLToPath(new URL(entry, import.meta.url));
  return listening([...(env['NODE_FLAGS']?.split(' ') ?? []), '--import', LOADER, file], env);
}

async function listening(args: string[], env: Record<string, string>): Promise<Started> {
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_ENV: 'production', ...env },
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
    child,
    pid: child.pid ?? 0,
    url: listeningUrl,
    tookMs: performance.now() - began,
    stop: () => ended(child),
  };
}

/** A child with messages, on a core of its own where there are several and the machine can do it. */
export function forkEntry(entry: string): ChildProcess {
  const file = fileURLToPath(new URL(entry, import.meta.url));
  const child = fork(file, { execArgv: ['--import', LOADER] });
  const last = cpus().length - 1;
  if (last > 0 && existsSync(TASKSET)) {
    spawn(TASKSET, ['-a', '-p', '-c', String(last), String(child.pid)], { stdio: 'ignore' });
  }
  return child;
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
