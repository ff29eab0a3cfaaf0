import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.js';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestEngine } from './local-engine.test-support.js';
import {
  callContext,
  processesWith,
  readAll,
  refOf,
  removeFolders,
  startEngine,
  states,
  taskRun,
  temporaryFolder,
  workflow,
} from './local-engine.test-support.js';

let database: TestDatabase;
let engine: TestEngine;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = await startEngine(database.database, {}, { maxTasks: 8, terminateGrace: '500ms', logLimit: '8KiB' });
});

afterAll(async () => {
  await engine.adapter.close();
  await database.drop();
  removeFolders();
});

const isRunning = (task: string) => (seen: Parameters<typeof taskRun>[0]) => taskRun(seen, task).state === 'RUNNING';

/** A task with a child, a grandchild, one that left the group with setsid, and none that obeys TERM. */
const FAMILY = `
  trap '' TERM
  (trap '' TERM; sleep 300 & sleep 300) &
  setsid sh -c 'trap "" TERM; sleep 300 & wait' &
  echo up
  sleep 300
`;

describe('cancel', () => {
  test('it ends grandchildren too, also those that left the group and ignore TERM', async () => {
    const key = await engine.submit(
      workflow({ tasks: { family: { run: FAMILY }, later: { run: 'true', needs: ['family'] } } }),
    );
    await engine.until(key, isRunning('family'));
    await untilLog(key, 'family', 'up\n');
    expect(processesWith(key).length).toBeGreaterThanOrEqual(5);
    expect(await engine.adapter.cancel(refOf(key), 'graceful', callContext())).toEqual({ outcome: 'requested' });
    const seen = await engine.untilFinal(key);
    expect(seen).toMatchObject({ phase: 'cancelled', stopEvidence: true, liveTasks: 0 });
    expect(states(seen)).toEqual({ family: 'CANCELLED', later: 'CANCELLED' });
    expect(processesWith(key)).toEqual([]);
    expect(await engine.adapter.cancel(refOf(key), 'graceful', callContext())).toEqual({ outcome: 'already-final' });
  });

  test('a task may tidy up within the grace', async () => {
    const key = await engine.submit(
      workflow({ tasks: { tidy: { run: "trap 'echo tidied; exit 0' TERM; echo up; sleep 300 & wait" } } }),
    );
    await untilLog(key, 'tidy', 'up\n');
    await engine.adapter.cancel(refOf(key), 'graceful', callContext());
    expect((await engine.untilFinal(key)).phase).toBe('cancelled');
    expect(await engine.log(key, 'tidy')).toBe('up\ntidied\n');
  });

  test('force overrules a grace that is running', async () => {
    const patient = await startEngine(database.database, { engineName: 'patient' }, { terminateGrace: '10m' });
    const key = await patient.submit(workflow({ tasks: { deaf: { run: "trap '' TERM; sleep 300" } } }));
    await patient.until(key, isRunning('deaf'));
    await patient.adapter.cancel(refOf(key), 'graceful', callContext());
    await patient.adapter.cancel(refOf(key), 'force', callContext());
    expect((await patient.untilFinal(key)).phase).toBe('cancelled');
    await patient.adapter.close();
  });

  test('a run that has not started never starts', async () => {
    const idle = await startEngine(database.database, { engineName: 'idle', executes: false });
    const key = await idle.submit(workflow({ tasks: { t: { run: 'true' } } }));
    expect(await idle.observe(key)).toMatchObject({ phase: 'scheduled', stateReason: 'node-offline' });
    await idle.adapter.cancel(refOf(key), 'graceful', callContext());
    const owner = await startEngine(database.database, { engineName: 'idle', dataDir: idle.dataDir });
    const seen = await owner.untilFinal(key);
    expect(seen.phase).toBe('cancelled');
    expect(taskRun(seen, 't')).toMatchObject({ state: 'CANCELLED', attempt: 0 });
    await owner.adapter.close();
  });

  test('one task is cancelled, the others go on', async () => {
    const key = await engine.submit(workflow({ tasks: { one: { run: 'sleep 300' }, other: { run: 'sleep 0.3' } } }));
    await engine.until(key, isRunning('one'));
    expect(await engine.adapter.cancelTask(refOf(key), { task: 'one' }, callContext())).toEqual({
      outcome: 'requested',
    });
    const seen = await engine.untilFinal(key);
    expect(states(seen)).toEqual({ one: 'CANCELLED', other: 'COMPLETED' });
    expect(await engine.adapter.cancelTask(refOf(key), { task: 'no' }, callContext())).toEqual({ outcome: 'absent' });
  });
});

test('what a task leaves behind is stopped when it ends, and does not hold the run up', async () => {
  const key = await engine.submit(workflow({ tasks: { leaves: { run: 'setsid sleep 300 & sleep 300 & echo done' } } }));
  const seen = await engine.untilFinal(key);
  expect(seen.phase).toBe('succeeded');
  expect(processesWith(key)).toEqual([]);
});

test('a run with many ready tasks does not keep the slots from another one', async () => {
  const narrow = await startEngine(database.database, { engineName: 'narrow' }, { maxTasks: 2 });
  const big = await narrow.submit(
    workflow({ tasks: { many: { foreach: { items: Array(20).fill(0) }, run: 'sleep 0.1' } } }),
  );
  await narrow.until(big, (seen) => seen.phase === 'running');
  const small = await narrow.submit(workflow({ tasks: { a: { run: 'true' }, b: { run: 'true', needs: ['a'] } } }));
  await narrow.untilFinal(small);
  const meanwhile = (await narrow.observe(big)).taskRuns?.filter(({ state }) => state === 'COMPLETED') ?? [];
  expect(meanwhile.length).toBeLessThan(12);
  expect((await narrow.untilFinal(big)).phase).toBe('succeeded');
  await narrow.adapter.close();
});

describe('pause', () => {
  test('a paused run starts no task, one that runs goes on, and resume continues', async () => {
    const gate = join(temporaryFolder(), 'open');
    const key = await engine.submit(
      workflow({
        params: { gate: { type: 'string' } },
        tasks: {
          first: { env: { GATE: '${{ params.gate }}' }, run: 'until test -e "$GATE"; do sleep 0.05; done' },
          second: { run: 'true', needs: ['first'] },
        },
      }),
      { gate },
    );
    await engine.until(key, isRunning('first'));
    await engine.adapter.pause(refOf(key), callContext());
    await engine.until(key, ({ phase }) => phase === 'paused');
    writeFileSync(gate, '');
    const held = await engine.until(key, (seen) => taskRun(seen, 'first').state === 'COMPLETED');
    expect(held.phase).toBe('paused');
    expect(taskRun(held, 'second').state).toBe('PENDING');
    await engine.adapter.resume(refOf(key), callContext());
    expect((await engine.untilFinal(key)).phase).toBe('succeeded');
    await rm(gate, { force: true });
  });
});

describe('retry', () => {
  const FAILS_ONCE = 'test "$SIGNALBOX_ATTEMPT" -gt 1';

  test('it starts the failed tasks and those after them again, and keeps attempts and completed tasks', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          good: { run: 'true' },
          bad: { run: FAILS_ONCE, needs: ['good'] },
          after: { run: 'true', needs: ['bad'] },
        },
      }),
    );
    const failed = await engine.untilFinal(key);
    expect(failed).toMatchObject({ phase: 'failed', baseline: '1' });
    expect(await engine.adapter.retry(refOf(key), '1', callContext())).toMatchObject({ outcome: 'accepted' });
    expect(await engine.adapter.retry(refOf(key), '1', callContext())).toEqual({ outcome: 'active-again' });
    const seen = await engine.untilFinal(key);
    expect(seen).toMatchObject({ phase: 'succeeded', baseline: '2' });
    expect(seen.failure).toBeUndefined();
    expect(taskRun(seen, 'good').attempts).toHaveLength(1);
    expect(taskRun(seen, 'bad').attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([
      [1, 'FAILED'],
      [2, 'COMPLETED'],
    ]);
    expect(taskRun(seen, 'after').state).toBe('COMPLETED');
    expect(await engine.adapter.retry(refOf(key), '2', callContext())).toMatchObject({ outcome: 'nothing-to-retry' });
  });

  test('it gives a fresh budget', async () => {
    const key = await engine.submit(workflow({ tasks: { bad: { run: 'exit 1', retry: { max: 1, delay: '1ms' } } } }));
    await engine.untilFinal(key);
    await engine.adapter.retry(refOf(key), '1', callContext());
    const seen = await engine.until(key, ({ phase, baseline }) => baseline === '2' && phase === 'failed');
    expect(taskRun(seen, 'bad').attempts).toHaveLength(4);
  });

  test('only the failed items of a fan-out run again', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          each: {
            foreach: { items: [0, 1, 2] },
            run: `echo "$SIGNALBOX_ITEM" > "$SIGNALBOX_DIR/outputs/n"; test "$SIGNALBOX_ITEM" != 1 || ${FAILS_ONCE}`,
            outputs: { n: { type: 'integer' } },
          },
        },
      }),
    );
    expect((await engine.untilFinal(key)).phase).toBe('failed');
    await engine.adapter.retry(refOf(key), '1', callContext());
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    expect(taskRun(seen, 'each').outputs).toEqual({ n: [0, 1, 2] });
    expect([0, 1, 2].map((index) => taskRun(seen, 'each', index).attempt)).toEqual([1, 2, 1]);
  });

  test('a fan-out waits for a need that is started again with it', async () => {
    const key = await engine.submit(
      workflow({
        tasks: {
          a: { run: `sleep 0.3; ${FAILS_ONCE}` },
          each: { needs: ['a'], trigger: 'all-done', foreach: { items: [0, 1] }, run: FAILS_ONCE },
        },
      }),
    );
    expect((await engine.untilFinal(key)).phase).toBe('failed');
    await engine.adapter.retry(refOf(key), '1', callContext());
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    const ended = taskRun(seen, 'a').finishedAt?.getTime();
    const began = [0, 1].map((index) => taskRun(seen, 'each', index).startedAt?.getTime());
    expect(began.filter((at) => Number(at) < Number(ended))).toEqual([]);
  });

  test('a retried task takes all that follows it along', async () => {
    const key = await engine.submit(
      workflow({ tasks: { a: { run: 'true' }, b: { run: 'true', needs: ['a'] }, c: { run: 'true' } } }),
    );
    await engine.untilFinal(key);
    await engine.adapter.retryTask(refOf(key), { task: 'a' }, '1', callContext());
    const seen = await engine.until(key, ({ phase, baseline }) => baseline === '2' && phase === 'succeeded');
    expect(['a', 'b', 'c'].map((task) => taskRun(seen, task).attempt)).toEqual([2, 2, 1]);
  });

  test('a cancelled run goes on where it was stopped', async () => {
    const key = await engine.submit(
      workflow({ tasks: { a: { run: 'true' }, b: { run: `${FAILS_ONCE} || sleep 300`, needs: ['a'] } } }),
    );
    await engine.until(key, isRunning('b'));
    await engine.adapter.cancel(refOf(key), 'force', callContext());
    await engine.untilFinal(key);
    await engine.adapter.retry(refOf(key), '1', callContext());
    const seen = await engine.untilFinal(key);
    expect(seen).toMatchObject({ phase: 'succeeded', stopEvidence: false });
    expect(['a', 'b'].map((task) => taskRun(seen, task).attempt)).toEqual([1, 2]);
  });
});

describe('logs', () => {
  const page = (key: string, task: string, cursor: string | undefined, limitBytes: number) =>
    engine.adapter.logs(
      { ref: refOf(key), task, attempt: 1, limitBytes, ...(cursor === undefined ? {} : { cursor }) },
      callContext(),
    );

  test('pages hold whole lines and join to the whole log', async () => {
    const key = await engine.submit(workflow({ tasks: { talk: { run: 'seq 1 200; echo "\u00fc" >&2' } } }));
    await engine.untilFinal(key);
    const parts: string[] = [];
    let cursor: string | undefined;
    for (let end = false; !end;) {
      const next = await page(key, 'talk', cursor, 100);
      parts.push(await readAll(next.chunks));
      ({ end } = next);
      cursor = next.nextCursor;
      expect(end).toBe(cursor === undefined);
    }
    expect(parts.every((part) => part.endsWith('\n') && Buffer.byteLength(part) <= 100)).toBe(true);
    const lines = parts.join('').split('\n');
    expect(lines.filter((line) => /^[0-9]+$/.test(line))).toEqual(Array.from({ length: 200 }, (_, i) => String(i + 1)));
    expect(lines).toContain('\u00fc');
  });

  test('a log is not at its end while the attempt lives', async () => {
    const key = await engine.submit(workflow({ tasks: { talk: { run: 'echo one; sleep 300' } } }));
    await untilLog(key, 'talk', 'one\n');
    const live = await page(key, 'talk', undefined, 1000);
    expect([live.source, live.end, live.nextCursor, await readAll(live.chunks)]).toEqual(['live', false, '4', 'one\n']);
    await engine.adapter.cancel(refOf(key), 'force', callContext());
    await engine.untilFinal(key);
    expect(await page(key, 'talk', '4', 1000)).toMatchObject({ end: true });
  });

  test('a log above its limit keeps beginning and end and says what is missing', async () => {
    const key = await engine.submit(workflow({ tasks: { talk: { run: 'seq 1 20000' } } }));
    await engine.untilFinal(key);
    const log = await engine.log(key, 'talk');
    expect(Buffer.byteLength(log)).toBeLessThanOrEqual(8 * 1024);
    expect(log.startsWith('1\n2\n3\n')).toBe(true);
    expect(log.endsWith('\n19999\n20000\n')).toBe(true);
    expect(log).toMatch(/\n\[signalbox: \d+ lines, \d+ bytes dropped; the last \d+ follow\]\n/);
  });

  test('a deleted log is none, with the reason; so is that of an attempt that never was', async () => {
    const key = await engine.submit(workflow({ tasks: { talk: { run: 'echo x' } } }));
    await engine.untilFinal(key);
    await rm(join(engine.dataDir, 'local', 'local', 'runs', key), { recursive: true });
    expect(await page(key, 'talk', undefined, 100)).toMatchObject({
      source: 'none',
      reason: 'deleted by retention',
      end: true,
    });
    expect(
      await engine.adapter.logs({ ref: refOf(key), task: 'talk', attempt: 2, limitBytes: 10 }, callContext()),
    ).toMatchObject({ source: 'none', reason: 'there is no attempt 2 of talk', end: true });
  });
});

async function untilLog(key: string, task: string, text: string): Promise<void> {
  await engine.until(key, isRunning(task));
  while (!(await engine.log(key, task)).includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
}
