import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestDatabase } from '../../test/support/database.js';
import { createTestDatabase } from '../../test/support/database.js';
import type { TestEngine } from './local-engine.test-support.js';
import { startEngine, states, taskRun, workflow } from './local-engine.test-support.js';

let database: TestDatabase;
let engine: TestEngine;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = await startEngine(database.database);
});

afterAll(async () => {
  await engine.adapter.close();
  await database.drop();
});

describe('order', () => {
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
});
