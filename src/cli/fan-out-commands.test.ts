/** What commands make of a task with `foreach`: one task run per item, and one that stands for all of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { callCli, type CliResult } from '../../test/support/run-cli.js';
import type { WorkflowRun } from './api-types.js';

const FAN = `apiVersion: signalbox/v1
kind: Workflow
name: fan
tasks:
  first: { run: echo first }
  part:
    needs: [first]
    foreach: { items: [a, b, c], maxParallel: 1 }
    env: { LETTER: '\${{ item }}' }
    run: 'echo "part $LETTER"; [ "$LETTER" != c ]'
  last: { needs: [part], run: echo last }
`;
const LOGS = 'first | first\npart[0] | part a\npart[1] | part b\npart[2] | part c\n';

let app: TestApp;
let folder: string;
const cli = (...args: string[]): Promise<CliResult> => callCli(args, { SIGNALBOX_URL: app.url });

beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-fan-out-'));
  await register('fan', FAN);
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

async function register(name: string, definition: string): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, definition);
  expect(await cli('workflows', 'create', file)).toMatchObject({ code: 0 });
}

async function start(title: string, ...more: string[]): Promise<string> {
  const { stdout } = await cli('runs', 'start', title, '--json', ...more);
  return String((JSON.parse(stdout) as WorkflowRun).id);
}

/** Logs that are followed arrive side by side. */
const sorted = (result: CliResult): CliResult => ({
  ...result,
  stdout: result.stdout
    .split(/(?<=\n)/)
    .sort()
    .join(''),
});

describe('logs of a fan-out are those of its items', () => {
  const printed = { code: 0, stdout: LOGS, stderr: '' };
  const ofItems = { ...printed, stdout: LOGS.replace('first | first\n', '') };

  test('while they are written, and afterwards', async () => {
    const id = await start('fan');
    expect(sorted(await cli('runs', 'logs', id, '--follow'))).toEqual(printed);
    expect(sorted(await cli('runs', 'logs', id, '--follow'))).toEqual(printed);
    expect(await cli('runs', 'logs', id)).toEqual(printed);
  });

  test('of that task alone, each line with its item in front from the first on', async () => {
    const id = await start('fan');
    expect(sorted(await cli('runs', 'logs', id, 'part', '-f'))).toEqual(ofItems);
    expect(await cli('runs', 'logs', id, 'part', '--attempt', '1')).toEqual(ofItems);
    expect((await cli('runs', 'logs', id, 'first', '-f')).stdout).toBe('first\n');
  });
});
