import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from './cli-error.js';

/** A command that people call. */
export function leaf(parent: Command, nameAndArguments: string, summary: string): Command {
  return parent.command(nameAndArguments).description(summary);
}

/** A command that only holds others; `lines` are examples of these. */
export function group(parent: Command, name: string, summary: string, lines: string[]): Command {
  return examples(
    parent.command(name).description(summary),
    lines.map((line) => ['', line]),
  );
}

/**
 * Gives every command of the tree the options that all of them understand, below its own. `services` run a service
 * themselves: they talk to none.
 */
export function addGlobalOptions(command: Command, services: readonly Command[]): void {
  for (const child of command.commands) addGlobalOptions(child, services);
  if (command.commands.length > 0 && command.parent !== null) return;
  command.optionsGroup('Everywhere:');
  if (!services.includes(command)) {
    command
      .option('--url <url>', 'the service (SIGNALBOX_URL, default http://127.0.0.1:8380)')
      .option('--project <name>', 'the project (SIGNALBOX_PROJECT, default: the service decides)');
  }
  command
    .option('--json', 'data as JSON on stdout')
    .option('--no-color', 'no colours (NO_COLOR)')
    .addHelpOption(new Option('-h, --help', 'show this').helpGroup('Everywhere:'));
}

/** Examples below the help text of a command: `[what it does, if that needs saying; the line]`. */
export function examples(command: Command, rows: [what: string, line: string][]): Command {
  const lines = rows.flatMap(([what, line]) => [...(what === '' ? [] : [`  # ${what}`]), `  $ signalbox ${line}`]);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** An option that may be repeated. */
export function repeated(flags: string, description: string): Option {
  return new Option(flags, description).argParser<string[]>((value, before) => [...(before ?? []), value]);
}

/** For options: a whole number from 1. */
export function positive(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

/** For options: a place in a list, a whole number from 0. */
export function position(text: string): number {
  const value = text === '0' ? 0 : wholeNumber(text);
  if (value === undefined) throw new InvalidArgumentError('It must be a whole number from 0.');
  return value;
}

/** An id or a version among the arguments. Throws `CliError`. */
export function readNumber(text: string, what: 'run' | 'version'): number {
  const value = wholeNumber(text);
  if (value === undefined) throw new CliError(`"${text}" is not a ${what}: expected a whole number from 1.`);
  return value;
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value >= 1 && Number.isSafeInteger(value) ? value : undefined;
}

export interface ListOptions {
  limit?: number;
  cursor?: string;
  order?: string;
  all?: boolean;
}

export function addListOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'entries of a page, 1-1000', positive)
    .option('--cursor <cursor>', 'where the page before ended')
    .addOption(new Option('--order <order>', 'by id').choices(['asc', 'desc']))
    .option('--all', 'all pages');
}
