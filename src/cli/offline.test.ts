/** The commands that need no service: what they print and how they end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { callCli } from '../../test/support/run-cli.js';

const GOOD = `apiVersion: signalbox/v1
kind: Workflow
name: two
params: { n: { type: integer } }
tasks:
  a: { run: echo a, env: { N: '\${{ params.n }}' } }
  b: { needs: [a], run: echo b }
`;

let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
  await writeFile(file('good.yaml'), GOOD);
  await writeFile(
    file('same.json'),
    JSON.stringify({
      apiVersion: 'signalbox/v1',
      kind: 'Workflow',
      name: 'two',
      params: { n: { type: 'integer' } },
      tasks: { b: { run: 'echo b', needs: ['a'] }, a: { run: 'echo a', env: { N: '${{ params.n }}' } } },
    }),
  );
  await writeFile(file('bad.yaml'), GOOD.replace('[a]', '[nobody]').replace('kind: Workflow', 'kind: Wrokflow'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('validate', () => {
  test('a valid definition says so on stderr and ends 0', async () => {
    expect(await callCli(['validate', file('good.yaml')])).toEqual({
      code: 0,
      stdout: '',
      stderr: `${file('good.yaml')} is valid.\n`,
    });
  });

  test('every problem is told at once, as editors read it, and the end is 2', async () => {
    const { code, stdout } = await callCli(['validate', file('bad.yaml')]);
    expect(code).toBe(2);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const line of lines) expect(line).toMatch(/bad\.yaml:\d+:\d+: (error|warning) [a-z-]+: .+/);
    expect(stdout).toContain('bad.yaml:2:');
    expect(stdout).toContain('bad.yaml:7:');
  });

  test('as JSON it is one document', async () => {
    const { code, stdout } = await callCli(['validate', file('bad.yaml'), '--json']);
    expect(code).toBe(2);
    const report = JSON.parse(stdout) as { valid: boolean; diagnostics: { severity: string }[] };
    expect(report.valid).toBe(false);
    expect(report.diagnostics.filter(({ severity }) => severity === 'error')).toHaveLength(2);
  });
});

test('a warning is an error only under --strict', async () => {
  const warned = file('warned.yaml');
  await writeFile(warned, GOOD.replace('[a]', '[]'));
  expect(await callCli(['validate', warned])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('warning orphan'),
  });
  expect(await callCli(['validate', warned, '--strict'])).toMatchObject({
    code: 2,
    stdout: expect.stringContaining('error orphan'),
  });
});

test('a graph in each of its forms', async () => {
  const graph = async (...options: string[]): Promise<string> =>
    (await callCli(['graph', file('good.yaml'), ...options])).stdout;
  expect(await graph()).toBe('1  a\n2  b  <- a\n');
  expect(await graph('--format', 'mermaid')).toContain('t1 --> t2');
  expect(await graph('--format', 'dot')).toContain('"a" -> "b"');
  expect(JSON.parse(await graph('--json'))).toMatchObject({
    tasks: [{ title: 'a', downstream: ['b'] }, { title: 'b' }],
  });
});

test('equal definitions have equal hashes, whatever their spelling', async () => {
  const hash = async (name: string): Promise<string> => (await callCli(['hash', file(name)])).stdout;
  expect(await hash('good.yaml')).toMatch(/^[0-9a-f]{64}\n$/);
  expect(await hash('same.json')).toBe(await hash('good.yaml'));
});

describe('input that is wrong ends 2 with one sentence, before anything is started', () => {
  test.each([
    { reason: 'an unknown command, with a suggestion', args: ['validat'], says: 'Did you mean validate?' },
    { reason: 'an unknown command of a group', args: ['runs', 'strat'], says: 'Did you mean start?' },
    { reason: 'an unknown option', args: ['runs', 'list', '--sate', 'x'], says: 'Did you mean --state?' },
    { reason: 'a group alone', args: ['runs'], says: 'Usage: signalbox runs' },
    { reason: 'nothing at all', args: [], says: 'Usage: signalbox' },
    { reason: 'a missing argument', args: ['runs', 'get'], says: "missing required argument 'id'" },
    { reason: 'an id that is none', args: ['runs', 'get', '1x'], says: '"1x" is not a run' },
    { reason: 'a URL that is none', args: ['runs', 'list', '--url', 'here'], says: '"here" is not a URL' },
    { reason: 'a file that is not there', args: ['validate', '/nowhere.yaml'], says: 'there is no such file' },
    { reason: 'a definition with errors', args: ['run', 'BAD'], says: 'is not a valid definition' },
    { reason: 'a parameter that is missing', args: ['run', 'GOOD'], says: '"n" is required' },
    { reason: 'a parameter of the wrong type', args: ['run', 'GOOD', '-p', 'n=x'], says: 'whole number' },
    { reason: 'a label that is none', args: ['labels', 'add', 'run', '1', 'x'], says: 'expected KEY=VALUE' },
  ])('$reason', async ({ args, says }) => {
    const named = args.map((arg) => (arg === 'GOOD' ? file('good.yaml') : arg === 'BAD' ? file('bad.yaml') : arg));
    const result = await callCli(named);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(says);
  });
});
