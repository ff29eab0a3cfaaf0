import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callCli } from '../../test/support/run-cli.js';

const EXAMPLE = 'examples/parity/workflow.yaml';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-compile-'));
  const refused = 'apiVersion: signalbox/v1\nkind: Workflow\nname: no\ntasks: { a: { python: "m:f" } }\n';
  await writeFile(join(folder, 'refused.yaml'), refused);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('compile', () => {
  test('prints the file; what has no effect is talk', async () => {
    const { code, stdout, stderr } = await callCli(['compile', EXAMPLE, '--target', 'airflow']);
    expect(code).toBe(0);
    expect(stdout).toContain('dag = build_dag(DAG_ID, DOCUMENT)\n');
    expect(stderr).toMatch(/workflow\.yaml:\d+:\d+: warning construct-ignored: defaults\.image/);
  });

  test('writes the same file where it is told to, and prints nothing then', async () => {
    const out = join(folder, 'parity.py');
    const { stdout: printed } = await callCli(['compile', EXAMPLE, '--target', 'airflow']);
    expect(await callCli(['compile', EXAMPLE, '--target', 'airflow', '--out', out])).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(await readFile(out, 'utf8')).toBe(printed);
  });

  test('reports what becomes of each construct', async () => {
    const { code, stdout } = await callCli(['compile', EXAMPLE, '--target', 'airflow', '--report']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^WHERE +CONSTRUCT +SUPPORT +HOW/);
    expect(stdout).toMatch(/\n\/tasks\/square\/foreach +foreach +native +\S/);
    expect(stdout).toMatch(/\n\/tasks\/alarm\/when +when +emulated +\S/);
    expect(stdout).toMatch(/\n\/defaults\/image +image +ignored +\S/);
  });

  test('what is refused ends 2, with its place and what to do instead', async () => {
    const file = join(folder, 'refused.yaml');
    const { code, stdout, stderr } = await callCli(['compile', file, '--target', 'airflow', '--report']);
    expect(code).toBe(2);
    expect(stdout).toMatch(/\/tasks\/a\/python +python +refused +put it into a script/);
    expect(stderr).toMatch(/refused\.yaml:4:\d+: error construct-unsupported: .*Instead: put it into a script/);
  });

  test('as JSON it is one document with files, names, report and diagnostics', async () => {
    const { code, stdout } = await callCli(['compile', EXAMPLE, '--target', 'airflow', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      target: 'airflow',
      files: [{ name: 'parity.py', text: expect.stringContaining('"parity"') }],
      name_map: { square: 'square__collect', total: 'total' },
      report: expect.arrayContaining([expect.objectContaining({ construct: 'retry', support: 'emulated' })]),
      diagnostics: [expect.objectContaining({ code: 'construct-ignored' })],
    });
  });

  test.each([
    {
      reason: 'an engine without a compiler',
      args: [EXAMPLE, '--target', 'local'],
      says: '"local" is no target: expected airflow',
    },
    { reason: 'no target', args: [EXAMPLE], says: '--target' },
    {
      reason: 'a file that is not there',
      args: ['/nowhere.yaml', '--target', 'airflow'],
      says: 'there is no such file',
    },
    {
      reason: 'a place that is none',
      args: [EXAMPLE, '--target', 'airflow', '--out', '/nowhere/at/all.py'],
      says: 'error: /nowhere/at/all.py cannot be written: there is no such folder.\n',
    },
    {
      reason: 'a folder for one file',
      args: [EXAMPLE, '--target', 'airflow', '--out', '/tmp'],
      says: 'error: /tmp cannot be written: it is a folder.\n',
    },
  ])('refuses $reason with 2', async ({ args, says }) => {
    const { code, stderr } = await callCli(['compile', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});
