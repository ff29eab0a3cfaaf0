import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { Cli } from './cli.js';
import { buildProgram } from './program.js';

const root = new URL('../../', import.meta.url);
const PAGES = ['README.md', 'CONTRIBUTING.md', 'examples/etl/README.md', 'examples/monte-carlo/README.md'];

const cli = new Cli({ env: {}, stdout: process.stdout, stderr: process.stderr });
const program = buildProgram(cli, '0.0.0');

/** The words after each `signalbox` of a line of a shell script, without their quotes. */
function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const [token] of line.replace(/(^|\s)#.*$/, '').matchAll(/[|<>()]|&&|(?:'[^']*'|"[^"]*"|[^\s'"|<>()&])+/g)) {
    if (/^(&&|[|<>()])$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replace(/["']/g, ''));
  }
  return commands.filter(([first]) => first === 'signalbox').map(([, ...words]) => words);
}

function helpOf(command: Command): string[] {
  const texts: string[] = [];
  command.configureOutput({ writeOut: (text) => texts.push(text) }).outputHelp();
  return [texts.join(''), ...command.commands.flatMap(helpOf)];
}

/** Why the command line would refuse these words; undefined when it would not. */
function complaint(words: string[]): string | undefined {
  let command = program;
  let rest = words;
  for (let next; (next = command.commands.find((child) => child.name() === rest[0])); rest = rest.slice(1))
    command = next;
  const { operands, unknown } = command.parseOptions(rest);
  if (command.commands.length > 0) return `"${rest[0] ?? ''}" is no command of ${command.name()}`;
  if (unknown.length > 0) return `${command.name()} has no option ${unknown[0]}`;
  const wanted = command.registeredArguments;
  const least = wanted.filter((argument) => argument.required).length;
  const most = wanted.at(-1)?.variadic === true ? Infinity : wanted.length;
  if (operands.length < least || operands.length > most) return `${command.name()} takes ${wanted.length} arguments`;
  return undefined;
}

const inPages = PAGES.flatMap((page) =>
  [...readFileSync(new URL(page, root), 'utf8').matchAll(/^```(?:sh)?\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.split('\n').map((line): [string, string] => [page, line.replace(/^\$ /, '')]),
  ),
);
const inHelp = helpOf(program).flatMap((text) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('  $ '))
    .map((line): [string, string] => ['--help', line.slice(4)]),
);

describe('a command that is shown exists, with its options and arguments', () => {
  const rows = [...inPages, ...inHelp].flatMap(([where, line]) =>
    commandsOf(line).map((words) => ({ where, line: line.trim(), words })),
  );
  test('there are some on every page', () => {
    expect(rows.filter(({ where }) => where === '--help').length).toBeGreaterThan(30);
    for (const page of PAGES.filter((name) => name !== 'CONTRIBUTING.md')) {
      expect(rows.map(({ where }) => where)).toContain(page);
    }
  });
  test.each(rows)('$where: $line', ({ words }) => expect(complaint(words)).toBeUndefined());
});

describe('a command that runs the service', () => {
  const main = ['HOST', 'PORT', 'DATABASE_URL', 'DATA_DIR', 'ENGINES_FILE'];
  test.each([
    { name: 'server', settings: main },
    { name: 'api', settings: main },
    { name: 'worker', settings: main },
    { name: 'reconcile', settings: ['DATABASE_URL', 'DATA_DIR', 'ENGINES_FILE'] },
    { name: 'migrate', settings: ['DATABASE_URL', 'DATA_DIR'] },
  ])('$name says how it is configured, and offers no way to another service', ({ name, settings }) => {
    const command = program.commands.find((child) => child.name() === name);
    const [text = ''] = command === undefined ? [] : helpOf(command);
    const [, configuration = ''] = text.split('Configured by environment variables');
    expect(configuration.match(/(?<=^ {2})[A-Z_]+/gm)).toEqual(settings);
    expect(text).toContain('README.md');
    expect(text).not.toMatch(/--url|--project/);
    expect(readFileSync(new URL('README.md', root), 'utf8')).toContain('\n## Run it for others\n');
  });
});
