/** The client commands against the real service with its local engine. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { callCli, type CliResult } from '../../test/support/run-cli.js';
import type { LifecycleEvent, Workflow, WorkflowRun } from './api-types.js';

const GREET = `apiVersion: signalbox/v1
kind: Workflow
name: greet
title: Greetings
params:
  who: { type: string }
  times: { type: integer, default: 1 }
tasks:
  prepare: { run: echo preparing; echo '"Hi"' > "$SIGNALBOX_DIR/outputs/word", outputs: { word: { type: string } } }
  greet:
    command: [sh, -c, 'echo "$WORD, $WHO"; [ "$WHO" != nobody ]']
    env: { WORD: '\${{ tasks.prepare.outputs.word }}', WHO: '\${{ params.who }}', TIMES: '\${{ params.times }}' }
outputs: { word: '\${{ tasks.prepare.outputs.word }}' }
`;
const SLOW = `apiVersion: signalbox/v1
kind: Workflow
name: slow
tasks: { wait: { run: echo waiting; exec sleep 300 } }
`;
const SECOND = `apiVersion: signalbox/v1
kind: Workflow
name: second
tasks:
  once: { run: echo only }
  twice:
    needs: [once]
    run: 'echo "attempt $SIGNALBOX_ATTEMPT"; [ "$SIGNALBOX_ATTEMPT" -ge 2 ]'
    retry: { max: 1, delay: 1s }
`;

let app: TestApp;
let folder: string;
const env = (): Record<string, string> => ({ SIGNALBOX_URL: app.url });
const cli = (...args: string[]): Promise<CliResult> => callCli(args, env());

/** The document that a command prints under --json. */
async function data<Document>(...args: string[]): Promise<Document> {
  const result = await cli(...args, '--json');
  if (result.stdout === '') throw new Error(`${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
  return JSON.parse(result.stdout) as Document;
}

beforeAll(async () => {
  app = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-cli-'));
  await writeFile(join(folder, 'greet.yaml'), GREET);
  await writeFile(join(folder, 'slow.yaml'), SLOW);
  await writeFile(join(folder, 'second.yaml'), SECOND);
  await writeFile(
    join(folder, 'bad.yaml'),
    GREET.replace("tasks.prepare.outputs.word }}', WHO", "tasks.nobody.outputs.word }}', WHO"),
  );
  for (const file of ['greet.yaml', 'slow.yaml', 'second.yaml']) await data('workflows', 'create', join(folder, file));
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('workflows', () => {
  test('create registers the next version, which list, get and tasks show', async () => {
    const made = await data<Workflow>(
      'workflows',
      'create',
      join(folder, 'greet.yaml'),
      '--title',
      'hello',
      '--label',
      'team=ml',
    );
    expect(made).toMatchObject({ title: 'hello', version: 1, definition_format: 'signalbox/v1' });
    const listed = await data<{ items: Workflow[] }>('workflows', 'list', '-l', 'team=ml');
    expect(listed.items.map(({ id }) => id)).toEqual([made.id]);
    expect((await cli('workflows', 'list', '--title', 'hello')).stdout).toMatch(/TITLE +VERSION[^]*hello +1 +local/);
    expect((await cli('workflows', 'get', 'hello')).stdout).toContain('who: str (required), times: int = 1');
    expect((await cli('workflows', 'get', 'hello', '1', '--definition')).stdout).toBe(GREET);
    expect((await cli('tasks', 'list', 'hello')).stdout).toMatch(/greet +command +prepare/);
    expect((await cli('tasks', 'get', 'hello', 'greet')).stdout).toMatch(/^task +greet\n(.*\n)*after +prepare$/m);
    expect((await cli('tasks', 'get', 'hello', 'prepare', '1')).stdout).toMatch(/^before +greet$/m);
    expect(await data('tasks', 'get', 'hello', 'greet')).toMatchObject({ upstream_task_ids: [expect.any(Number)] });
  });

  test('a definition with errors is refused with its places in the file', async () => {
    const file = join(folder, 'bad.yaml');
    const created = await cli('workflows', 'create', file);
    expect(created).toMatchObject({ code: 2, stdout: '' });
    expect(created.stderr).toMatch(/bad\.yaml:12: \/tasks\/greet\/env\/WORD: /);
    const checked = await cli('workflows', 'validate', file);
    expect(checked.code).toBe(2);
    expect(checked.stdout).toMatch(/bad\.yaml:12:\d+: error /);
    expect((await cli('workflows', 'validate', join(folder, 'greet.yaml'))).code).toBe(0);
  });

  test('a portable definition that does not say so is refused with what it was taken for', async () => {
    const file = join(folder, 'unnamed.yaml');
    await writeFile(file, GREET.replace(/^apiVersion.*\n/, ''));
    const guess = `${file} was taken for a native definition of the engine local, as it has no`;
    for (const command of ['create', 'validate']) {
      for (const title of [[], ['--title', 'greet']]) {
        const refused = await cli('workflows', command, file, ...title);
        expect(refused).toMatchObject({ code: 2, stdout: '' });
        expect(refused.stderr).toContain(guess);
      }
      const named = await cli('workflows', command, file, '--format', 'signalbox/v1');
      expect(named.code).toBe(2);
      expect(named.stderr).not.toContain('native');
    }
    const label = await cli('workflows', 'create', file, '--title', 'greet', '--label', 'not a key=1');
    expect(label.stderr).toContain('/labels/0/key');
    expect(label.stderr).not.toContain('native');
  });

  test('archive takes a version out of use', async () => {
    await data('workflows', 'create', join(folder, 'greet.yaml'), '--title', 'old');
    expect((await cli('workflows', 'archive', 'old', '1')).code).toBe(0);
    const start = await cli('runs', 'start', 'old', '-p', 'who=you');
    expect(start.code).toBe(2);
    expect(start.stderr).toContain('workflow');
  });
});

describe('runs', () => {
  test('start --wait gives the run as data and its end as exit code; logs, events and get tell the rest', async () => {
    const started = await cli('runs', 'start', 'greet', '-p', 'who=world', '-p', 'times=2', '--wait', '--json');
    expect(started.code).toBe(0);
    const run = JSON.parse(started.stdout) as WorkflowRun;
    expect(run).toMatchObject({ state: 'COMPLETED', parameters: { who: 'world', times: 2 }, outputs: { word: 'Hi' } });

    const id = String(run.id);
    expect((await cli('runs', 'logs', id, 'greet')).stdout).toBe('Hi, world\n');
    expect((await cli('runs', 'logs', id)).stdout).toBe('prepare | preparing\ngreet | Hi, world\n');
    expect((await cli('runs', 'logs', id, 'greet', '--follow')).stdout).toBe('Hi, world\n');
    expect((await cli('runs', 'get', id, '--tasks')).stdout).toMatch(/state +COMPLETED[^]*greet +COMPLETED +1/);
    const { items } = await data<{ items: LifecycleEvent[] }>('runs', 'events', id);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
    const followed = await cli('runs', 'events', id, '--follow', '--json');
    expect(
      followed.stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as LifecycleEvent),
    ).toEqual(items);
  });

  test('logs of an attempt that not every task had are those of the tasks that had it', async () => {
    const id = String((await data<WorkflowRun>('runs', 'start', 'second')).id);
    const printed = { code: 0, stdout: 'twice | attempt 2\n', stderr: 'once: There is no such attempt.\n' };
    // Begins before the second attempt does.
    expect(await cli('runs', 'logs', id, '--attempt', '2', '--follow')).toEqual(printed);
    expect(await cli('runs', 'logs', id, '--attempt', '2')).toEqual(printed);
    expect(await cli('runs', 'logs', id, '--attempt', '2', '--follow')).toEqual(printed);
    expect((await cli('runs', 'logs', id, '--attempt', '1')).stdout).toBe('once | only\ntwice | attempt 1\n');
    for (const follow of [[], ['--follow']]) {
      const { stdout } = await cli('runs', 'logs', id, 'twice', '--attempt', '1', '--json', ...follow);
      expect(JSON.parse(stdout)).toMatchObject({ task: 'twice', attempt: 1, line: 'attempt 1' });
    }
    for (const follow of [[], ['--follow']]) {
      const refused = await cli('runs', 'logs', id, 'once', '--attempt', '2', ...follow);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain('validation-failed');
    }
  });

  test('a run that fails ends 1, whether watched or waited for', async () => {
    const started = await cli('runs', 'start', 'greet', '-p', 'who=nobody', '--watch', '--json');
    const run = JSON.parse(started.stdout) as WorkflowRun;
    expect({ code: started.code, state: run.state }).toEqual({ code: 1, state: 'FAILED' });
    expect(started.stderr).toContain('task greet FAILED');
    const watched = await cli('runs', 'watch', String(run.id));
    expect(watched.code).toBe(1);
    const why = 'task greet: The command ended with exit code 1.';
    expect(watched.stdout).toMatch(new RegExp(`run ${run.id} FAILED in [^:]*: ${why}\n$`));
    expect((await cli('runs', 'get', String(run.id))).stdout).toContain(`${why} (user, exit-code)\n`);
    const records = (await cli('runs', 'watch', String(run.id), '--json')).stdout.trimEnd().split('\n');
    expect(records.map((line) => Object.keys(JSON.parse(line) as object)[0])).toEqual([
      'task_run',
      'task_run',
      'workflow_run',
    ]);
  });

  test('cancel stops a run, a repeat changes nothing, retry is possible afterwards', async () => {
    const run = await data<WorkflowRun>('runs', 'start', 'slow', '--label', 'stage=test');
    const id = String(run.id);
    const cancelled = await cli('runs', 'cancel', id, '--reason', 'enough', '--wait', '--json');
    expect(cancelled.code).toBe(1);
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ state: 'CANCELLED' });
    const again = await cli('runs', 'cancel', id);
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('Nothing changed: the run is CANCELLED.\n');
    expect((await cli('runs', 'cancel', id, '--dry-run')).stdout).toBe(
      'CANCEL is not possible: the run is CANCELLED.\n',
    );
    expect((await cli('runs', 'retry', id, '--dry-run')).stdout).toBe('RETRY is possible.\n');
    const retried = await cli('runs', 'retry', id);
    expect(retried.stderr).toBe(`Accepted. Follow it: signalbox runs watch ${id}\n`);
    await cli('runs', 'cancel', id, '--wait');
    const refused = await cli('runs', 'pause', id);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/lifecycle-conflict[^]*possible now: RETRY/);
    const listed = await data<{ items: WorkflowRun[] }>(
      'runs',
      'list',
      '--state',
      'cancelled',
      '-l',
      'stage=test',
      '--all',
    );
    expect(listed.items.map((one) => one.id)).toEqual([run.id]);
  });

  test('parameters that do not fit are refused by name', async () => {
    const { code, stderr } = await cli('runs', 'start', 'greet', '-p', 'times=many', '-p', 'who=x');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ {2}\/parameters\/times: /m);
    expect((await cli('runs', 'start', 'nowhere')).code).toBe(2);
    expect((await cli('runs', 'get', '999999')).stderr).toContain('workflow-run-not-found');
  });

  test('another project sees nothing', async () => {
    const listed = await data<{ items: WorkflowRun[] }>('runs', 'list', '--project', 'elsewhere');
    expect(listed.items).toEqual([]);
  });
});

test('labels are added, removed and counted', async () => {
  const { id } = await data<WorkflowRun>('runs', 'start', 'greet', '-p', 'who=x', '--label', 'a=1', '--wait');
  expect((await cli('labels', 'add', 'run', String(id), 'a=2', 'b=3')).code).toBe(0);
  expect((await cli('labels', 'remove', 'run', String(id), 'a=1')).code).toBe(0);
  expect((await data<WorkflowRun>('runs', 'get', String(id))).labels).toEqual([
    { key: 'a', value: '2' },
    { key: 'b', value: '3' },
  ]);
  expect((await cli('labels', 'add', 'workflow', 'greet', '1', 'c=4')).code).toBe(0);
  expect((await cli('labels', 'list', '--prefix', 'b')).stdout).toMatch(/KEY +VALUE[^]*b +3 +0 +1/);
});

test('engines are listed and shown', async () => {
  expect((await cli('engines', 'list')).stdout).toMatch(/NAME +KIND[^]*local +local/);
  expect((await cli('engines', 'get', 'local')).stdout).toMatch(/submit +exactly_once/);
  expect((await cli('engines', 'get', 'other')).code).toBe(2);
});
