/** What commands make of a task with `foreach`: one task run per item, and one that stands for all of them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { callCli, type CliResult } from '../../test/support/run-cli.js';
import { ApiClient } from './api-client.js';
import type { WorkflowRun } from './api-types.js';
import { changeLine, runChanges } from './run-changes.js';
import { followRun } from './run-follower.js';
import { taskRunName } from './run-view.js';

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
const SLOW = `apiVersion: signalbox/v1
kind: Workflow
name: slow
tasks:
  first: { run: echo first }
  part: { needs: [first], foreach: { items: [a, b, c] }, run: exec sleep 300 }
`;
const LOGS = 'first | first\npart[0] | part a\npart[1] | part b\npart[2] | part c\n';

let app: TestApp;
let folder: string;
const cli = (...args: string[]): Promise<CliResult> => callCli(args, { SIGNALBOX_URL: app.url });

beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-fan-out-'));
  await register('fan', FAN);
  await register('slow', SLOW);
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

test('a task that never began has no log, with the reason, and one that is not there is answered with those that are', async () => {
  const id = await start('fan', '--wait');
  for (const follow of [[], ['--follow']]) {
    const skipped = { code: 0, stdout: '', stderr: 'last was skipped (upstream-failed): it has no log.\n' };
    expect(await cli('runs', 'logs', id, 'last', ...follow)).toEqual(skipped);
    const unknown = { code: 2, stderr: `error: Run ${id} has no task nope: there are first, part, last.\n` };
    expect(await cli('runs', 'logs', id, 'nope', ...follow)).toMatchObject(unknown);
  }
});

describe('a request about a fan-out', () => {
  const taskStates = async (id: string): Promise<string[]> => {
    const { stdout } = await cli('runs', 'get', id, '--tasks', '--json');
    const { task_runs: taskRuns = [] } = JSON.parse(stdout) as WorkflowRun;
    return taskRuns.map((taskRun) => `${taskRunName(taskRun)} ${taskRun.state}`);
  };
  const until = async (id: string, line: string): Promise<void> => {
    for await (const view of followRun(
      new ApiClient({ url: app.url, project: undefined, signal: new AbortController().signal }),
      Number(id),
    )) {
      if (runChanges(undefined, view.run).some((change) => changeLine(change, new Date()).includes(line))) return;
    }
    throw new Error(`run ${id} ended without "${line}"`);
  };

  test('cancels one item, then all that are left; the run is not asked to stop', async () => {
    const id = await start('slow');
    await until(id, 'task part[2] RUNNING');
    expect(await cli('runs', 'cancel', id, '--task', 'part', '--item', '1')).toMatchObject({ code: 0 });
    await until(id, 'task part[1] CANCELLED');
    expect(await taskStates(id)).toContain('part[0] RUNNING');
    // What people cancel of a run fails no run.
    expect(await cli('runs', 'cancel', id, '--task', 'part', '--wait')).toMatchObject({ code: 0 });
    expect(await taskStates(id)).toEqual([
      'first COMPLETED',
      'part CANCELLED',
      'part[0] CANCELLED',
      'part[1] CANCELLED',
      'part[2] CANCELLED',
    ]);
    expect((await cli('runs', 'events', id)).stdout).not.toContain('CANCEL');
  });

  test('retries one item, or all of them', async () => {
    const id = await start('fan', '--wait');
    const attempts = async (): Promise<string> =>
      (await cli('runs', 'get', id, '--tasks')).stdout.match(/(?<=^part +\d +\w+ +)\d+/gm)?.join(' ') ?? '';
    expect(await attempts()).toBe('1 1 1');
    expect(await cli('runs', 'retry', id, '--task', 'part', '--item', '2', '--wait')).toMatchObject({ code: 1 });
    expect(await attempts()).toBe('1 1 2');
    expect(await cli('runs', 'retry', id, '--task', 'part', '--wait')).toMatchObject({ code: 1 });
    expect(await attempts()).toBe('2 2 3');
  });

  test.each([
    { args: ['--task', 'part', '--item', '9'], says: 'has no item 9 of part: its items are 0 to 2.' },
    { args: ['--task', 'first', '--item', '0'], says: 'Task first of run ' },
    { args: ['--task', 'nope'], says: 'has no task nope: there are first, part, last.' },
    { args: ['--task', 'part', '--item', '-1'], says: 'It must be a whole number from 0.' },
    { args: ['--task', 'part', '--item', 'one'], says: 'It must be a whole number from 0.' },
    { args: ['--item', '0'], says: '--item needs --task.' },
  ])('is refused, and nothing happens: $args', async ({ args, says }) => {
    const id = await start('fan', '--wait');
    const before = await cli('runs', 'events', id);
    for (const verb of ['retry', 'cancel']) {
      const refused = await cli('runs', verb, id, ...args);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(says);
    }
    expect(await cli('runs', 'events', id)).toEqual(before);
  });
});
