import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.js';
import { createTestDatabase } from '../../test/support/database.js';
import { PARTS, attemptFolder, claim, makeFolder, readStart, voidClaim } from './attempt-folder.js';
import { DataDirectoryInUse } from './data-directory-lock.js';
import { launchSupervisor } from './launch-supervisor.js';
import type { TestEngine } from './local-engine.test-support.js';
import {
  callContext,
  processesWith,
  refOf,
  removeFolders,
  startEngine,
  states,
  taskRun,
  temporaryFolder,
  workflow,
} from './local-engine.test-support.js';
import { identityOf, ownIdentity } from './process-identity.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let database: TestDatabase;
const owners: ChildProcess[] = [];
const engines: TestEngine[] = [];
let count = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.adapter.close();
  for (const owner of owners.splice(0)) owner.kill('SIGKILL');
});

afterAll(async () => {
  await database.drop();
  removeFolders();
});

/** An engine of this test's own: reads and writes intents here, executes in a process that can be killed. */
async function scene(): Promise<{ engineName: string; dataDir: string; engine: TestEngine; journal: string }> {
  count += 1;
  const engineName = `local-${count}`;
  const dataDir = temporaryFolder();
  const engine = await startEngine(database.database, { engineName, dataDir, executes: false });
  engines.push(engine);
  return { engineName, dataDir, engine, journal: join(dataDir, 'journal') };
}

async function startOwner(
  { engineName, dataDir }: { engineName: string; dataDir: string },
  killAt?: { point: string; nth: number },
): Promise<ChildProcess> {
  const settings = { url: database.url, dataDir, engineName, options: { maxTasks: 8, terminateGrace: '1s' }, killAt };
  const owner = spawn(
    process.execPath,
    ['--import', './scripts/typescript-loader.js', 'adapters/local/owner.test-process.ts', JSON.stringify(settings)],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  owners.push(owner);
  await Promise.race([once(owner.stdout as NodeJS.ReadableStream, 'data'), once(owner, 'exit')]);
  return owner;
}

async function kill(owner: ChildProcess): Promise<void> {
  if (owner.exitCode !== null || owner.signalCode !== null) return;
  owner.kill('SIGKILL');
  await once(owner, 'exit');
}

/** Each attempt writes one line when it starts. */
function journalled(then: string): object {
  return {
    env: { JOURNAL: '${{ params.journal }}' },
    run: `echo "$SIGNALBOX_RUN_ID $SIGNALBOX_TASK $SIGNALBOX_ITEM $SIGNALBOX_ATTEMPT" >> "$JOURNAL"; ${then}`,
  };
}

const params = { journal: { type: 'string' } };

function lines(journal: string): string[] {
  return existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : [];
}

describe('the end of the owner', () => {
  test('kill -9 ends no task; the next owner finds it again and executes nothing twice', async () => {
    const { journal, ...here } = await scene();
    const owner = await startOwner(here);
    const gate = join(here.dataDir, 'gate');
    const key = await here.engine.submit(
      workflow({
        params,
        tasks: {
          long: journalled(`until test -e "${gate}"; do sleep 0.05; done; echo ok`),
          next: { ...journalled('true'), needs: ['long'] },
        },
      }),
      { journal },
    );
    await here.engine.until(key, (seen) => taskRun(seen, 'long').state === 'RUNNING');
    await kill(owner);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(gate, '');
    await gone(`${key}/long`);
    await startOwner(here);
    const seen = await here.engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(lines(journal)).toEqual(['run-7 long  1', 'run-7 next  1']);
    expect(await here.engine.log(key, 'long')).toBe('ok\n');
  });

  const points = [
    { point: 'local:before-step', reason: 'nothing was written' },
    { point: 'local:after-step', reason: 'the attempt is written, its folder is not' },
    { point: 'local:before-spawn', reason: 'the folder is there, nobody has claimed it' },
    { point: 'local:after-spawn', reason: 'a supervisor may be on its way' },
  ];
  test.each(points)('killed at $point ($reason), each attempt is executed once', async ({ point }) => {
    const { journal, ...here } = await scene();
    const owner = await startOwner(here, { point, nth: 2 });
    const key = await here.engine.submit(
      workflow({
        params,
        tasks: { a: journalled('true'), b: journalled('true'), c: { ...journalled('true'), needs: ['a', 'b'] } },
      }),
      { journal },
    );
    if (owner.signalCode === null) await once(owner, 'exit');
    expect(owner.signalCode).toBe('SIGKILL');
    await startOwner(here);
    const seen = await here.engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(lines(journal).sort()).toEqual(['run-7 a  1', 'run-7 b  1', 'run-7 c  1']);
  });

  test('killed at random moments while twenty runs go on, each task and attempt is executed exactly once', async () => {
    const { journal, ...here } = await scene();
    const step = journalled('sleep 0.02');
    const text = workflow({
      params,
      tasks: { a: step, b: { ...step, needs: ['a'] }, c: { ...step, needs: ['a'] }, d: { ...step, needs: ['b', 'c'] } },
    });
    const keys = await Promise.all(Array.from({ length: 20 }, () => here.engine.submit(text, { journal })));
    const allEnded = async (): Promise<boolean> => {
      const seen = await here.engine.adapter.observeMany(keys.map(refOf), callContext());
      return seen.every((one) => one.presence === 'present' && one.phase === 'succeeded');
    };
    for (let round = 0; round < 8 && !(await allEnded()); round += 1) {
      const owner = await startOwner(here);
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 400));
      await kill(owner);
    }
    await startOwner(here);
    const executed: string[] = [];
    for (const key of keys) {
      const seen = await here.engine.untilFinal(key);
      expect(seen.phase).toBe('succeeded');
      for (const row of seen.taskRuns ?? []) {
        for (const { attempt, failure } of row.attempts ?? []) {
          if (failure?.code !== 'not-started') executed.push(`run-7 ${row.task}  ${attempt}`);
        }
      }
    }
    expect(lines(journal).sort()).toEqual(executed.sort());
    expect(executed).toHaveLength(80);
  });

  test('the time-out of an attempt is kept without an owner', async () => {
    const { ...here } = await scene();
    const owner = await startOwner(here);
    const key = await here.engine.submit(workflow({ tasks: { slow: { run: 'sleep 300', timeout: '700ms' } } }));
    await here.engine.until(key, (seen) => taskRun(seen, 'slow').state === 'RUNNING');
    await kill(owner);
    await gone(`${key}/slow`);
    await startOwner(here);
    expect((await here.engine.untilFinal(key)).failure).toMatchObject({ class: 'timeout', code: 'timed-out' });
  });

  test('a cancel that was asked for meanwhile is carried out by the next one', async () => {
    const { ...here } = await scene();
    const owner = await startOwner(here);
    const key = await here.engine.submit(workflow({ tasks: { slow: { run: 'setsid sleep 300 & sleep 300' } } }));
    await here.engine.until(key, (seen) => taskRun(seen, 'slow').state === 'RUNNING');
    await kill(owner);
    await here.engine.adapter.cancel(refOf(key), 'graceful', callContext());
    await startOwner(here);
    expect((await here.engine.untilFinal(key)).phase).toBe('cancelled');
    expect(processesWith(key)).toEqual([]);
  });

  test('without one the facts are those that were stored, with the reason', async () => {
    const { ...here } = await scene();
    const owner = await startOwner(here);
    const key = await here.engine.submit(workflow({ tasks: { slow: { run: 'sleep 300' } } }));
    await here.engine.until(key, (seen) => taskRun(seen, 'slow').state === 'RUNNING');
    await kill(owner);
    await database.database.query({
      text: `UPDATE signalbox_local.nodes SET lease_until = now() WHERE engine = $1`,
      values: [here.engineName],
    });
    expect(await here.engine.observe(key)).toMatchObject({
      phase: 'running',
      stateReason: 'node-offline',
      liveTasks: 1,
    });
    await here.engine.adapter.cancel(refOf(key), 'force', callContext());
    await startOwner(here);
    await here.engine.untilFinal(key);
  });

  test('a graceful close leaves tasks alone, and the next owner goes on at once', async () => {
    const first = await startEngine(database.database, { engineName: 'closing' });
    const key = await first.submit(workflow({ tasks: { t: { run: 'sleep 0.5; echo "$SIGNALBOX_ATTEMPT"' } } }));
    await first.until(key, (seen) => taskRun(seen, 't').state === 'RUNNING');
    await first.adapter.close();
    const second = await startEngine(database.database, { engineName: 'closing', dataDir: first.dataDir });
    engines.push(second);
    expect((await second.untilFinal(key)).phase).toBe('succeeded');
    expect(await second.log(key, 't')).toBe('1\n');
  });
});

describe('two owners', () => {
  test('a second one on the same directory is refused with one sentence and exit code 3', async () => {
    const { ...here } = await scene();
    await startOwner(here);
    const again = startEngine(database.database, { engineName: here.engineName, dataDir: here.dataDir });
    await expect(again).rejects.toThrow(DataDirectoryInUse);
    await expect(again).rejects.toThrow(/^The data directory .* is in use by process \d+; stop that one or choose/);
    const second = await startOwner(here);
    if (second.exitCode === null) await once(second, 'exit');
    expect(second.exitCode).toBe(3);
  });
});

describe('the end of a supervisor', () => {
  test('its attempt is lost, what ran is ended, and the retry policy decides', async () => {
    const engine = await startEngine(database.database, { engineName: 'supervised' });
    engines.push(engine);
    const key = await engine.submit(
      workflow({
        tasks: {
          retried: {
            run: 'test "$SIGNALBOX_ATTEMPT" -gt 1 || { setsid sleep 300 & sleep 300; }',
            retry: { max: 1, delay: '1ms', on: ['infra'] },
          },
        },
      }),
    );
    await engine.until(key, (seen) => taskRun(seen, 'retried').state === 'RUNNING');
    const folder = attemptFolder(join(engine.dataDir, 'local', 'supervised'), {
      key,
      task: 'retried',
      mapIndex: -1,
      attempt: 1,
    });
    const start = readStart(folder);
    process.kill(start?.supervisor.pid ?? NaN, 'SIGKILL');
    const seen = await engine.untilFinal(key);
    expect(taskRun(seen, 'retried').attempts?.map(({ state, failure }) => [state, failure?.code])).toEqual([
      ['FAILED', 'lost'],
      ['COMPLETED', undefined],
    ]);
    expect(processesWith(key)).toEqual([]);
  });

  test('an attempt that was claimed and not started is followed by a new one, outside the budget', async () => {
    const { journal, ...here } = await scene();
    const owner = await startOwner(here, { point: 'local:after-step', nth: 1 });
    const key = await here.engine.submit(workflow({ params, tasks: { t: journalled('true') } }), { journal });
    if (owner.signalCode === null) await once(owner, 'exit');
    const folder = attemptFolder(join(here.dataDir, 'local', here.engineName), {
      key,
      task: 't',
      mapIndex: -1,
      attempt: 1,
    });
    makeFolder(folder);
    claim(folder, { ...ownIdentity(), startTime: '1' });
    await startOwner(here);
    const seen = await here.engine.untilFinal(key);
    expect(states(seen)).toEqual({ t: 'COMPLETED' });
    expect(taskRun(seen, 't').attempts?.map(({ state, failure }) => [state, failure?.code])).toEqual([
      ['FAILED', 'not-started'],
      ['COMPLETED', undefined],
    ]);
    expect(lines(journal)).toEqual(['run-7 t  2']);
  });

  const spec = (journal: string) => ({
    argv: ['/bin/sh', '-c', 'echo ran >> "$0"', journal],
    env: { PATH: '/bin:/usr/bin' },
    marker: journal,
    graceMs: 100,
    logLimitBytes: 10_000,
    outputs: [],
    outputLimitBytes: 1000,
  });

  test('of three supervisors for one attempt one executes it', async () => {
    const folder = temporaryFolder();
    const journal = join(folder, 'journal');
    const children = [1, 2, 3].map(() => launchSupervisor(folder, spec(journal), {}));
    await Promise.all(children.map((child) => once(child, 'exit')));
    expect(lines(journal)).toEqual(['ran']);
    expect(readFileSync(join(folder, PARTS.complaints), 'utf8')).toBe('');
  });

  test('one that comes after the attempt was given up executes nothing', async () => {
    const folder = temporaryFolder();
    const journal = join(folder, 'journal');
    expect(voidClaim(folder)).toBe(true);
    await once(launchSupervisor(folder, spec(journal), {}), 'exit');
    expect(lines(journal)).toEqual([]);
  });
});

test('a zombie counts as dead', async () => {
  const child = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number(output.toString());
  // Its parent became a sleep that never asks how it ended.
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(identityOf(pid)).toBeUndefined();
  child.kill('SIGKILL');
});

async function gone(text: string): Promise<void> {
  while (processesWith(text).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
}
