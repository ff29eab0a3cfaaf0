import { type Command, CommanderError } from 'commander';
import { ApiClient } from './api-client.js';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { safeLine } from './safe-text.js';
import { Terminal, type OutputStream } from './terminal.js';

export const DEFAULT_URL = 'http://127.0.0.1:8380';

/** Understood by every command, before or after its name. */
export interface GlobalOptions {
  url?: string;
  project?: string;
  json?: boolean;
  color: boolean;
}

/** What a command works with. */
export interface Session {
  terminal: Terminal;
  /** Of the service that `--url` names; nothing is sent before it is used. */
  api: ApiClient;
  /** Aborted by Ctrl-C, and when nobody reads stdout any more. */
  signal: AbortSignal;
  env: NodeJS.ProcessEnv;
}

export interface CliOptions {
  env: NodeJS.ProcessEnv;
  stdout: OutputStream;
  stderr: OutputStream;
}

type Action<Options, Args extends unknown[]> = (
  session: Session,
  options: Options,
  ...args: Args
) => Promise<ExitCode | void>;

/** One invocation of `signalbox`: runs the command's action and turns how it ended into an exit code. */
export class Cli {
  readonly #interrupt = new AbortController();
  #exitCode: ExitCode = EXIT.ok;

  constructor(readonly options: CliOptions) {
    // `signalbox ... | head` closes the pipe; that is no error of anybody.
    options.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') this.#interrupt.abort(new ReaderGone());
    });
    options.stderr.on('error', () => undefined);
  }

  /** A commander action in which Ctrl-C aborts what is under way. */
  client<Options, Args extends unknown[] = []>(action: Action<Options, Args>): (...raw: unknown[]) => Promise<void> {
    return this.plain<Options, Args>(async (session, options, ...args) => {
      const stop = (): void => this.#interrupt.abort(new Interrupted());
      process.once('SIGINT', stop).once('SIGTERM', stop);
      try {
        return await action(session, options, ...args);
      } finally {
        process.off('SIGINT', stop).off('SIGTERM', stop);
      }
    });
  }

  /** A commander action that sees to signals itself. */
  plain<Options, Args extends unknown[] = []>(action: Action<Options, Args>): (...raw: unknown[]) => Promise<void> {
    return async (...raw) => {
      // commander passes the arguments, then the options, then the command.
      const command = raw.at(-1) as Command;
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      const args = raw.slice(0, -2) as Args;
      this.#exitCode = (await action(this.#session(options), options, ...args)) ?? EXIT.ok;
    };
  }

  /** Parses `argv` (without node and script) and runs; always resolves, with the exit code. */
  async run(program: Command, argv: readonly string[]): Promise<ExitCode> {
    try {
      await program.parseAsync(argv, { from: 'user' });
      return this.#exitCode;
    } catch (error) {
      return this.#report(error);
    }
  }

  #session(options: GlobalOptions): Session {
    const { env, stdout, stderr } = this.options;
    const terminal = new Terminal({ env, stdout, stderr, colour: options.color, json: options.json === true });
    const connection = {
      url: options.url ?? (env['SIGNALBOX_URL'] || DEFAULT_URL),
      project: options.project ?? (env['SIGNALBOX_PROJECT'] || undefined),
      signal: this.#interrupt.signal,
      onRetry: (reason: string, delayMs: number) => {
        if (delayMs >= 1000) terminal.talk(`${reason} Trying again in ${Math.round(delayMs / 1000)} s.`);
      },
    };
    let api: ApiClient | undefined;
    return {
      terminal,
      signal: this.#interrupt.signal,
      env,
      get api() {
        return (api ??= new ApiClient(connection));
      },
    };
  }

  #report(error: unknown): ExitCode {
    if (error instanceof CommanderError) {
      // Help that was asked for, or the version; everything else is a mistake on the command line.
      return error.code === 'commander.helpDisplayed' || error.code === 'commander.version' ? EXIT.ok : EXIT.input;
    }
    const reason: unknown = this.#interrupt.signal.aborted ? this.#interrupt.signal.reason : error;
    if (reason instanceof ReaderGone) return EXIT.ok;
    if (reason instanceof Interrupted) return EXIT.interrupted;
    const { stderr } = this.options;
    if (error instanceof CliError) {
      stderr.write(`error: ${error.message}\n`);
      for (const item of error.items) stderr.write(`  ${item}\n`);
      return error.exitCode;
    }
    stderr.write(`error: ${safeLine(error instanceof Error ? error.message : String(error))}\n`);
    const stack = error instanceof Error ? error.stack : undefined;
    if (this.options.env['SIGNALBOX_DEBUG'] && stack !== undefined) stderr.write(`${stack}\n`);
    return EXIT.infrastructure;
  }
}

class Interrupted extends Error {}

class ReaderGone extends Error {}
