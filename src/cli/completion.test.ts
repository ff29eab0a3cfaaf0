import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { Cli } from './cli.js';
import { completionNodes, completionScript, SHELLS } from './completion.js';
import { buildProgram } from './program.js';

const { stdout, stderr } = process;
const program = buildProgram(new Cli({ env: {}, stdout, stderr }), '0.0.0');

/** What bash would offer for the words typed so far; the last one is being typed. */
async function offered(words: string[]): Promise<string[]> {
  const script = `${completionScript('bash', program)}
COMP_WORDS=(signalbox "$@"); COMP_CWORD=$#; _signalbox; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = await promisify(execFile)('bash', ['-c', script, 'bash', ...words], { cwd: 'examples/etl' });
  return result.stdout.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  test.each([
    { reason: 'a command by its beginning', words: ['wor'], offers: ['workflows', 'worker'] },
    {
      reason: 'commands of a group',
      words: ['workflows', ''],
      offers: ['create', 'validate', 'discover', 'import', 'list', 'get', 'archive'],
    },
    { reason: 'of a group of a group', words: ['labels', 'add', ''], offers: ['run', 'workflow'] },
    { reason: 'options of the command', words: ['runs', 'start', '--w'], offers: ['--watch', '--wait'] },
    { reason: 'an option between does not confuse', words: ['--json', 'engines', 'l'], offers: ['list'] },
    { reason: 'choices of an option', words: ['graph', '--format', 'm'], offers: ['mermaid'] },
    { reason: 'choices of an argument', words: ['completion', 'f'], offers: ['fish'] },
    { reason: 'files where a file is asked for', words: ['validate', 'work'], offers: ['workflow.yaml'] },
    { reason: 'nothing where anything may stand', words: ['runs', 'get', ''], offers: [] },
  ])('$reason', async ({ words, offers }) => {
    expect(await offered(words)).toEqual(offers);
  });
});

test('every command and option of the tree is in every script', () => {
  const nodes = completionNodes(program);
  expect(nodes.length).toBeGreaterThan(35);
  for (const shell of SHELLS) {
    const script = completionScript(shell, program);
    const flag = (name: string): string => (shell === 'fish' ? `-l ${name.slice(2)}` : name);
    for (const node of nodes) {
      for (const child of node.commands) expect(script).toContain(child.name);
      for (const option of node.options) expect(script).toContain(flag(option.flags.at(-1) ?? ''));
    }
  }
});

test('every command has an example and a summary, and the options for all where it does something', () => {
  const visit = (command: Command): void => {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
    expect(text).toMatch(/Examples:\n(.*\n)*? {2}\$ signalbox /);
    if (command.commands.length > 0) command.commands.forEach(visit);
    else expect(text).toContain('--json');
    expect(command.description()).not.toBe('');
  };
  visit(program);
});
