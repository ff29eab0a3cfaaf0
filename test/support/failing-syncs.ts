/** A disk that says it could not write, for one process and its children. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { lastLine } from './test-where.js';
import { until } from './until.js';

const INJECT = ['-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO'];

/** Why it cannot be done here; undefined where it can. */
export function syncFaultObstacle(): string | undefined {
  try {
    execFileSync('strace', [...INJECT, 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `needs strace and the right to trace (${lastLine(error)})`;
  }
}

/** From now on every fdatasync of the process ends with EIO, until the result is called. */
export async function failSyncs(pid: number): Promise<() => Promise<void>> {
  const faulty = spawn('strace', ['-f', ...INJECT, '-p', String(pid)], { stdio: 'ignore' });
  const detached = once(faulty, 'exit');
  await until(
    () => tracerOf(pid),
    (tracer) => tracer > 0,
  );
  return async () => {
    faulty.kill('SIGINT');
    await detached;
  };
}

async function tracerOf(pid: number): Promise<number> {
  return Number(/^TracerPid:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}
