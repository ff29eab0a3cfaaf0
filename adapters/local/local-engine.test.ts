import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.js';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestEngine } from './local-engine.test-support.js';
import {
  callContext,
  newKey,
  refOf,
  removeFolders,
  startEngine,
  states,
  submission,
  taskRun,
  workflow,
} from './local-engine.test-support.js';

let database: TestDatabase;
let engine: TestEngine;

beforeAll(async () => {
  process.env['DATABASE_URL'] = 'postgres://secret';
  database = await createTestDatabase();
  engine = await startEngine(database.database, {}, { maxTasks: 8 });
});

afterAll(async () => {
  delete process.env['DATABASE_URL'];
  await engine.adapter.close();
  await database.drop();
  removeFolders();
});

describe('order and verdicts', () => {
  test('a task of a diamond starts after all that it needs has ended', async () => {
    const step = { run: 'sleep 0.1' };
    const key = await engine.submit(
      workflow({
        tasks: {
          top: step,
          left: { ...step, needs: ['top'] },
          right: { ...step, needs: ['top'] },
          bottom: { ...step, needs: ['left', 'right'] },
        },
      }),
    );
    const seen = await engine.untilFinal(key);
    expect(states(seen)).toEqual({ top: 'COMPLETED', left: 'COMPLETED', right: 'COMPLETED', bottom: 'COMPLETED' });
    const time = (task: string, end: 'startedAt' | 'finishedAt'): number => taskRun(seen, task)[end]?.getTime() ?? NaN;
    for (const side of ['left', 'right']) {
      expect(time(side, 'startedAt')).toBeGreaterThanOrEqual(time('top', 'finishedAt'));
      expect(time('bottom', 'startedAt')).toBeGreaterThanOrEqual(time(side, 'finishedAt'));
    }
  });

  test('a failed task is retried until it succeeds, and each attempt stays readable', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          flaky: {
            run: 'echo "attempt $SIGNALBOX_ATTEMPT"; test "$SIGNALBOX_ATTEMPT" -ge 3',
            retry: { max: 3, delay: '10ms' },
          },
        },
      }),
    );
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(taskRun(seen, 'flaky').attempts?.map(({ attempt, state, exitCode }) => [attempt, state, exitCode])).toEqual([
      [1, 'FAILED', 1],
      [2, 'FAILED', 1],
      [3, 'COMPLETED', 0],
    ]);
    expect(await engine.log(key, 'flaky', { attempt: 2 })).toBe('attempt 2\n');
  });

  test('the failure of a run names the task and what it did', async () => {
    const key = await engine.submit(
      workflow({ tasks: { bad: { run: 'exit 7' }, next: { run: 'true', needs: ['bad'] } } }),
    );
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('failed');
    expect(seen.failure).toEqual({
      class: 'user',
      code: 'exit-code',
      message: 'The command ended with exit code 7.',
      task_title: 'bad',
    });
    expect(taskRun(seen, 'next')).toMatchObject({ state: 'SKIPPED', stateReason: 'upstream-failed', attempt: 0 });
  });

  test('triggers and allowFailure decide who runs after a failure', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          bad: { run: 'exit 1', allowFailure: true },
          handler: { run: 'true', needs: ['bad'], trigger: 'any-failed' },
          always: { run: 'true', needs: ['bad'], trigger: 'all-done' },
          never: { run: 'true', needs: ['handler'], trigger: 'any-failed' },
        },
      }),
    );
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(states(seen)).toEqual({ bad: 'FAILED', handler: 'COMPLETED', always: 'COMPLETED', never: 'SKIPPED' });
  });

  test('a condition looks at outputs, and its error fails the task', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          count: { run: 'echo 3 > "$SIGNALBOX_DIR/outputs/rows"', outputs: { rows: { type: 'integer' } } },
          many: { run: 'true', needs: ['count'], when: 'tasks.count.outputs.rows > 2' },
          few: { run: 'true', needs: ['count'], when: 'tasks.count.outputs.rows < 2' },
          broken: { run: 'true', needs: ['count'], when: 'tasks.count.outputs.rows > "a"' },
        },
      }),
    );
    const seen = await engine.untilFinal(key);
    expect(states(seen)).toEqual({ count: 'COMPLETED', many: 'COMPLETED', few: 'SKIPPED', broken: 'FAILED' });
    expect(taskRun(seen, 'few').stateReason).toBe('condition-false');
    expect(taskRun(seen, 'broken').failure?.code).toBe('when-failed');
  });

  test('the declared exit code skips a task', async () => {
    const key = await engine.submit(workflow({ tasks: { idle: { run: 'exit 99', skipExitCode: 99 } } }));
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(taskRun(seen, 'idle')).toMatchObject({ state: 'SKIPPED', stateReason: 'skip-exit-code' });
  });

  test('an attempt that takes too long is ended and counts as a time-out', async () => {
    const key = await engine.submit(workflow({ tasks: { slow: { run: 'sleep 60', timeout: '300ms' } } }));
    const seen = await engine.untilFinal(key);
    expect(seen.failure).toMatchObject({ class: 'timeout', code: 'timed-out' });
  });

  test('a run that takes too long is ended whatever its tasks do', async () => {
    const key = await engine.submit(
      workflow({ timeout: '400ms', tasks: { slow: { run: 'sleep 60' }, after: { run: 'true', needs: ['slow'] } } }),
    );
    const seen = await engine.untilFinal(key);
    expect(seen.failure).toMatchObject({ class: 'timeout', code: 'run-timed-out' });
    expect(states(seen)).toEqual({ slow: 'CANCELLED', after: 'CANCELLED' });
  });

  test('maxParallel bounds the tasks of a run', async () => {
    const step = { run: 'sleep 0.15' };
    const key = await engine.submit(workflow({ maxParallel: 2, tasks: { a: step, b: step, c: step, d: step } }));
    const seen = await engine.untilFinal(key);
    expect(mostAtOnce(seen.taskRuns ?? [])).toBe(2);
  });
});

describe('fan-out', () => {
  test('items run at most maxParallel at once and their outputs collect in item order', async () => {
    const key = await engine.submit(
      workflow({
        params: { regions: { type: 'array', default: [] } },
        tasks: {
          train: {
            foreach: { items: '${{ params.regions }}', maxParallel: 2 },
            env: { REGION: '${{ item }}' },
            run: 'sleep 0.1; printf \'"%s-%s"\' "$REGION" "$SIGNALBOX_ITEM" > "$SIGNALBOX_DIR/outputs/name"',
            outputs: { name: { type: 'string' } },
          },
          join: {
            command: ['sh', '-c', 'printf %s "$1"', 'sh'],
            args: ['${{ tasks.train.outputs.name }}'],
          },
        },
        outputs: { names: '${{ tasks.train.outputs.name }}' },
      }),
      { regions: ['emea', 'apac', 'amer'] },
    );
    const seen = await engine.untilFinal(key);
    expect(seen.outputs).toEqual({ names: ['emea-emea', 'apac-apac', 'amer-amer'] });
    expect(await engine.log(key, 'join')).toBe('["emea-emea","apac-apac","amer-amer"]\n');
    expect(mostAtOnce((seen.taskRuns ?? []).filter((row) => row.mapIndex !== undefined))).toBe(2);
  });

  test('an empty list completes with empty lists', async () => {
    const key = await engine.submit(
      workflow({ tasks: { none: { foreach: { items: [] }, run: 'true', outputs: { x: { type: 'string' } } } } }),
    );
    const seen = await engine.untilFinal(key);
    expect(taskRun(seen, 'none')).toMatchObject({ state: 'COMPLETED', outputs: { x: [] } });
  });

  test('failFast ends the other items after the first failure', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          each: {
            foreach: { items: ['0', '60', '61'], maxParallel: 2, failFast: true },
            run: 'test "$SIGNALBOX_ITEM" = 0 && exit 1; exec sleep "$SIGNALBOX_ITEM"',
          },
        },
      }),
    );
    const seen = await engine.untilFinal(key);
    expect(states(seen)).toEqual({ each: 'FAILED', 'each.0': 'FAILED', 'each.1': 'CANCELLED', 'each.2': 'CANCELLED' });
    expect(seen.failure?.message).toMatch(/^1 of 3 items failed, the first of them item 0/);
  });
});

describe('values', () => {
  test('they arrive byte-equal in arguments and variables, whatever they hold', async () => {
    const hostile =
      'a "b" \'c\' `id` $(id) ${{ params.x }} ${{ secrets.x }} {{ 7*7 }} <b>&amp; $HOME \\ %s\n\ttab\n\u00e9\u{1f600} ; rm -rf / #\n';
    const key = await engine.submit(
      workflow({
        params: { text: { type: 'string' }, list: { type: 'array' } },
        tasks: {
          write: {
            command: [
              'sh',
              '-c',
              'printf %s "$1" > ../outputs/raw; printf %s "$VALUE" | cmp - ../outputs/raw && printf %s "$2"',
              'sh',
            ],
            args: ['${{ params.text }}', '${{ params.list }}'],
            env: { VALUE: '${{ params.text }}' },
          },
        },
      }),
      { text: hostile, list: [1, hostile] },
    );
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(await engine.log(key, 'write')).toBe(`${JSON.stringify([1, hostile])}\n`);
  });

  test('a task sees nothing of the environment of the service', async () => {
    const key = await engine.submit(workflow({ env: { LEVEL: 'info' }, tasks: { show: { run: 'env' } } }));
    await engine.untilFinal(key);
    const names = (await engine.log(key, 'show')).split('\n').map((line) => line.split('=')[0]);
    expect(names).not.toContain('DATABASE_URL');
    const allowed = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'PWD', 'OLDPWD', '_', 'SHLVL', 'LEVEL', 'TRACEPARENT', ''];
    expect(names.filter((name) => !name?.startsWith('SIGNALBOX_') && !allowed.includes(name ?? ''))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['LEVEL', 'SIGNALBOX_RUN_ID', 'SIGNALBOX_TASK', 'SIGNALBOX_DIR']));
  });

  test('an output that the system or JSON could trip over stays what it was', async () => {
    const value = { nul: 'a\u0000b', quote: '"', order: { z: 1, a: 2 } };
    const key = await engine.submit(
      workflow({
        params: { value: { type: 'object' } },
        tasks: {
          write: {
            env: { VALUE: '${{ params.value }}' },
            run: 'printf %s "$VALUE" > "$SIGNALBOX_DIR/outputs/value"',
            outputs: { value: { type: 'object' } },
          },
        },
      }),
      { value },
    );
    const seen = await engine.untilFinal(key);
    expect(JSON.stringify(taskRun(seen, 'write').outputs)).toBe(JSON.stringify({ value }));
  });

  test('a value that no process can be given fails the task and says so', async () => {
    const key = await engine.submit(
      workflow({
        params: { text: { type: 'string' } },
        tasks: { big: { command: ['true'], args: ['${{ params.text }}'] } },
      }),
      { text: 'x'.repeat(200_000) },
    );
    expect((await engine.untilFinal(key)).failure).toMatchObject({ class: 'user', code: 'command-refused' });
  });
});

describe('outputs', () => {
  const cases = [
    { reason: 'not written', run: 'true', code: 'output-missing' },
    { reason: 'no JSON', run: 'echo hello > "$SIGNALBOX_DIR/outputs/n"', code: 'output-invalid' },
    { reason: 'another type', run: 'echo 1.5 > "$SIGNALBOX_DIR/outputs/n"', code: 'output-type' },
    {
      reason: 'above the limit',
      run: 'head -c 40000 /dev/zero > "$SIGNALBOX_DIR/outputs/n"',
      code: 'output-too-large',
    },
    { reason: 'a pipe that would block a reader', run: 'mkfifo "$SIGNALBOX_DIR/outputs/n"', code: 'output-missing' },
    { reason: 'a link to elsewhere', run: 'ln -s /etc/hostname "$SIGNALBOX_DIR/outputs/n"', code: 'output-missing' },
  ];
  test.each(cases)('$reason fails the task with $code', async ({ run, code }) => {
    const key = await engine.submit(workflow({ tasks: { t: { run, outputs: { n: { type: 'integer' } } } } }));
    const seen = await engine.untilFinal(key);
    expect(seen.failure).toMatchObject({ class: 'user', code });
  });
});

describe('submitting', () => {
  const text = workflow({ tasks: { t: { run: 'true' } } });

  test('a repeat returns the first, another content is a conflict', async () => {
    const key = newKey();
    const first = await engine.adapter.submit(submission(text, {}, key), callContext());
    const again = await engine.adapter.submit(submission(text, {}, key), callContext());
    expect([first, again]).toEqual([
      { outcome: 'accepted', externalId: key },
      { outcome: 'accepted', externalId: key },
    ]);
    const other = await engine.adapter.submit(submission(text, {}, key, 'other'), callContext());
    expect(other.outcome).toBe('conflict');
    const marker = { installationId: 'somebody else', key, contentDigest: 'digest' };
    expect((await engine.adapter.find(refOf(key), marker, callContext())).outcome).toBe('conflict');
    expect((await engine.adapter.find(refOf(newKey()), marker, callContext())).outcome).toBe('absent');
    const seen = await engine.untilFinal(key);
    expect(taskRun(seen, 't').attempts).toHaveLength(1);
  });

  test('twenty submits of one key at once make one run', async () => {
    const key = newKey();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => engine.adapter.submit(submission(text, {}, key), callContext())),
    );
    expect(outcomes.every(({ outcome }) => outcome === 'accepted')).toBe(true);
    expect(taskRun(await engine.untilFinal(key), 't').attempt).toBe(1);
  });

  test('a definition outside the set is refused with its pointer, a hint is a warning', async () => {
    const refused = workflow({
      tasks: { t: { python: 'a.b:c' }, u: { run: 'true', secrets: [{ secret: 's', key: 'k', env: 'E' }] } },
    });
    const { diagnostics, graph } = await engine.adapter.validate(
      { format: 'signalbox/v1', text: refused },
      callContext(),
    );
    expect(graph).toBeUndefined();
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ pointer }) => pointer)).toEqual([
      '/tasks/t/python',
      '/tasks/u/secrets',
    ]);
    await expect(engine.adapter.submit(submission(refused, {}, newKey()), callContext())).rejects.toMatchObject({
      code: 'rejected',
    });
    const hinted = workflow({ tasks: { t: { image: 'alpine', command: ['true'] } } });
    const ok = await engine.adapter.validate({ format: 'signalbox/v1', text: hinted }, callContext());
    expect(ok.graph?.tasks).toHaveLength(1);
    expect(ok.diagnostics.map(({ severity, pointer }) => [severity, pointer])).toEqual([['warning', '/tasks/t/image']]);
    const key = await engine.submit(hinted);
    expect((await engine.untilFinal(key)).phase).toBe('succeeded');
  });

  test('many runs are observed by one statement, and one that is not there is absent', async () => {
    const key = await engine.submit(text);
    await engine.untilFinal(key);
    const statements: string[] = [];
    const counting = await startEngine(
      {
        query: (statement) => {
          statements.push(statement.text);
          return database.database.query(statement);
        },
        transaction: (work) => database.database.transaction(work),
      },
      { executes: false, dataDir: engine.dataDir },
    );
    statements.length = 0;
    const missing = newKey();
    const seen = await counting.adapter.observeMany([refOf(missing), refOf(key)], callContext());
    expect(seen.map(({ presence, key: of }) => [presence, of])).toEqual([
      ['absent', missing],
      ['present', key],
    ]);
    expect(statements).toHaveLength(1);
  });
});

function mostAtOnce(rows: { startedAt?: Date; finishedAt?: Date }[]): number {
  const moments = rows.map((row) => row.startedAt?.getTime() ?? NaN);
  return Math.max(
    ...moments.map(
      (moment) => rows.filter((row) => Number(row.startedAt) <= moment && moment < Number(row.finishedAt)).length,
    ),
  );
}
