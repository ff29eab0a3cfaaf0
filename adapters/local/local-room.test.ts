import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestEngine } from './local-engine.test-support.js';
import {
  callContext,
  databaseOfThisFile,
  refOf,
  startEngine,
  taskRun,
  temporaryFolder,
  workflow,
} from './local-engine.test-support.js';
import { localAdapter } from './local.adapter.js';
import { LocalNode } from './local-node.js';
import { parseOptions } from './local-options.js';

const ROOM = 2;

let engine: TestEngine;

// Before the database goes.
afterAll(async () => engine.adapter.close());

const database = databaseOfThisFile();

beforeAll(async () => {
  engine = await startEngine(database(), {}, {}, async (options, host) =>
    localAdapter(host, await LocalNode.open(host, parseOptions(options), ROOM)),
  );
});

const QUICK = workflow({ tasks: { t: { run: 'true' } } });

/** As many runs as a node has room for, each executing its first task until the gate is opened. */
async function fill(): Promise<{ keys: string[]; open: () => void }> {
  const gate = join(temporaryFolder(), 'gate');
  const wait = `until test -e "${gate}"; do sleep 0.05; done`;
  const keys: string[] = [];
  for (let count = 0; count < ROOM; count += 1) {
    const text = workflow({ tasks: { first: { run: wait }, second: { run: 'true', needs: ['first'] } } });
    const key = await engine.submit(text);
    await engine.until(key, (seen) => taskRun(seen, 'first').state === 'RUNNING');
    keys.push(key);
  }
  return { keys, open: () => writeFileSync(gate, '') };
}

describe('a node that has room for two runs', () => {
  test('paused ones take none of it, and go on when they are resumed', async () => {
    const { keys, open } = await fill();
    for (const key of keys) await engine.adapter.pause(refOf(key), callContext());
    open();
    for (const key of keys) await engine.until(key, (seen) => taskRun(seen, 'first').state === 'COMPLETED');
    expect((await engine.untilFinal(await engine.submit(QUICK))).phase).toBe('succeeded');
    for (const key of keys) {
      expect((await engine.observe(key)).phase).toBe('paused');
      await engine.adapter.resume(refOf(key), callContext());
    }
    for (const key of keys) expect((await engine.untilFinal(key)).phase).toBe('succeeded');
  });

  test('nor do those that wait for their next attempt, which begins when it is due', async () => {
    const retried = (delay: string): string =>
      workflow({ tasks: { t: { run: 'test "$SIGNALBOX_ATTEMPT" -gt 1', retry: { max: 1, delay } } } });
    const long = [await engine.submit(retried('1h')), await engine.submit(retried('1h'))];
    for (const key of long) await engine.until(key, (seen) => taskRun(seen, 't').state === 'RETRYING');
    expect((await engine.untilFinal(await engine.submit(retried('300ms')))).phase).toBe('succeeded');
    for (const key of long) {
      await engine.adapter.cancel(refOf(key), 'graceful', callContext());
      expect((await engine.untilFinal(key)).phase).toBe('cancelled');
    }
  });

  test('what waits for room can be cancelled and paused meanwhile', async () => {
    const { keys, open } = await fill();
    const [gone, forced, held, waiting] = [
      await engine.submit(QUICK),
      await engine.submit(QUICK),
      await engine.submit(QUICK),
      await engine.submit(QUICK),
    ];
    await engine.adapter.cancel(refOf(gone), 'graceful', callContext());
    await engine.adapter.cancel(refOf(forced), 'force', callContext());
    await engine.adapter.pause(refOf(held), callContext());
    for (const key of [gone, forced]) {
      const seen = await engine.untilFinal(key);
      expect(seen.phase).toBe('cancelled');
      expect(taskRun(seen, 't')).toMatchObject({ state: 'CANCELLED', attempt: 0 });
    }
    await engine.until(held, ({ phase }) => phase === 'paused');
    expect((await engine.observe(waiting)).phase).toBe('scheduled');
    open();
    for (const key of [...keys, waiting]) expect((await engine.untilFinal(key)).phase).toBe('succeeded');
    await engine.adapter.resume(refOf(held), callContext());
    expect((await engine.untilFinal(held)).phase).toBe('succeeded');
  });
});
