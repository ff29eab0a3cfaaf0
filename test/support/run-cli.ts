import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export type CliProcess = ChildProcessByStdio<null, Readable, Readable>;

/** Starts `signalbox ARGS` from the sources, as a process without a terminal and without this process's SIGNALBOX_*. */
export function startCli(args: string[], env: Record<string, string> = {}): CliProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SIGNALBOX_|NODE_OPTIONS|FORCE_COLOR)/.test(name),
  );
  const command = ['--import', './scripts/typescript-loader.js', 'src/cli/main.ts', ...args];
  return spawn(process.execPath, command, {
    env: { ...Object.fromEntries(inherited), NODE_NO_WARNINGS: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs `signalbox ARGS` to its end. */
export async function runCli(args: string[], env: Record<string, string> = {}): Promise<CliResult> {
  return resultOf(startCli(args, env));
}

/** What a started command wrote, once it has ended. */
export async function resultOf(child: CliProcess): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
