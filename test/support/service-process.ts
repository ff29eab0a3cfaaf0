import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/signalbox.js', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface ServiceProcess {
  child: ChildProcess;
  /** What it wrote to stderr so far. */
  errors(): string;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** `signalbox ROLE` as a process of its own, from the built product; resolves once it says that it listens. */
export async function startService(role: string, env: Record<string, string>): Promise<ServiceProcess> {
  if (!existsSync(BUILT)) throw new Error('dist/ is missing: run `npm run build` first');
  const child = spawn(process.execPath, [COMMAND, role], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const listening = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (/listens|works/.test(text)) resolve();
    });
  });
  const early = exited.then((code) => {
    throw new Error(`the service ended with ${code} before it listened: ${errors}`);
  });
  early.catch(() => undefined);
  await Promise.race([listening, early]);
  return {
    child,
    errors: () => errors,
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
