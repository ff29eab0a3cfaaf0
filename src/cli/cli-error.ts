import { EXIT, type ExitCode } from './exit-codes.js';

/** Ends a command with one sentence on stderr, the lines of `items` below it, and an exit code. Never a stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly items: string[];

  constructor(message: string, options: { exitCode?: ExitCode; items?: string[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = options.exitCode ?? EXIT.input;
    this.items = options.items ?? [];
  }
}
