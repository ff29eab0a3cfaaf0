import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { DatabaseHandle, Statement } from '../spi/engine-kind.js';
import { attemptFolder, readExit } from './attempt-folder.js';
import { databaseOfThisFile, startEngine, taskRun, temporaryFolder, workflow } from './local-engine.test-support.js';
import { nodeFolder } from './local-node.js';

const REFUSALS = 4;

const database = databaseOfThisFile();

/** A database that answers, but refuses the next few steps; `refusedAt` says when it did. */
function refusing(whole: DatabaseHandle): { database: DatabaseHandle; refusedAt: number[]; begin: () => void } {
  const refusedAt: number[] = [];
  let left = 0;
  return {
    refusedAt,
    begin: () => (left = REFUSALS),
    database: {
      transaction: (work) => whole.transaction(work),
      query: async <Row>(statement: Statement) => {
        if (statement.name !== 'local-write-step' || left === 0) return whole.query<Row>(statement);
        left -= 1;
        refusedAt.push(performance.now());
        throw new Error('no space left on device');
      },
    },
  };
}

/** A task that ends when its gate is opened, beside one that does so a little later. */
function gated(): { text: string; open: () => void } {
  const gate = join(temporaryFolder(), 'gate');
  const wait = `until test -e "${gate}"; do sleep 0.05; done`;
  return {
    text: workflow({ tasks: { a: { run: wait }, b: { run: `${wait}; sleep 0.3` } } }),
    open: () => writeFileSync(gate, ''),
  };
}

describe('while the database refuses what a step writes', () => {
  const expectPauses = (refusedAt: number[], pauses: number): void => {
    expect(refusedAt).toHaveLength(REFUSALS);
    const [first = NaN] = refusedAt;
    expect((refusedAt.at(-1) ?? NaN) - first).toBeGreaterThan(pauses * 950);
  };

  test('the end of a task is told once a second, and the run ends when the database writes again', async () => {
    const { text, open } = gated();
    const { refusedAt, begin, ...whole } = refusing(database());
    const engine = await startEngine(whole.database, { engineName: 'refused' });
    const key = await engine.submit(text);
    await engine.until(key, (seen) => ['a', 'b'].every((task) => taskRun(seen, task).state === 'RUNNING'));
    begin();
    open();
    const seen = await engine.untilFinal(key);
    expect(seen.phase).toBe('succeeded');
    // One less: the end of the second task is news.
    expectPauses(refusedAt, REFUSALS - 2);
    expect(performance.now() - (refusedAt.at(-1) ?? NaN)).toBeLessThan(3000);
    await engine.adapter.close();
  });

  test('so it is with an end that the next owner finds', async () => {
    const { text, open } = gated();
    const first = await startEngine(database(), { engineName: 'found' });
    const key = await first.submit(text);
    await first.until(key, (seen) => ['a', 'b'].every((task) => taskRun(seen, task).state === 'RUNNING'));
    await first.adapter.close();
    open();
    const folder = nodeFolder(first.dataDir, 'found');
    const hasEnded = (task: string): boolean =>
      readExit(attemptFolder(folder, { key, task, mapIndex: -1, attempt: 1 })) !== undefined;
    while (!['a', 'b'].every(hasEnded)) await new Promise((resolve) => setTimeout(resolve, 50));
    const { refusedAt, begin, ...whole } = refusing(database());
    begin();
    const second = await startEngine(whole.database, { engineName: 'found', dataDir: first.dataDir });
    expect((await second.untilFinal(key)).phase).toBe('succeeded');
    expectPauses(refusedAt, REFUSALS - 1);
    await second.adapter.close();
  });
});
