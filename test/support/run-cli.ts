import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { Cli } from '../../src/cli/cli.js';
import { buildProgram } from '../../src/cli/program.js';

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

/** As `runCli`, within this process: for what needs neither a process's streams nor its signals. */
export async function callCli(args: string[], env: Record<string, string> = {}): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map(async (stream) => {
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk as string;
    return text;
  });
  const cli = new Cli({ env, stdout, stderr });
  const code = await cli.run(buildProgram(cli, '0.0.0'), args);
  stdout.end();
  stderr.end();
  const [out = '', err = ''] = await Promise.all(texts);
  return { code, stdout: out, stderr: err };
}
