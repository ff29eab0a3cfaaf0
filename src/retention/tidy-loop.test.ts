import { expect, test } from '@jest/globals';
import type { Config } from '../config.js';
import type { Database } from '../platform/database.js';
import type { Log } from '../platform/log.js';
import type { Retention } from './retention.js';
import { TidyLoop } from './tidy-loop.js';

/** A loop whose database is asked by name; resolves with the names and what was warned of once `pass` was made and it has stopped. */
async function onceAround(pass: () => Promise<number>): Promise<{ asked: string[]; warned: string[] }> {
  const asked: string[] = [];
  const warned: string[] = [];
  const database = {
    query: async ({ name = '' }: { name?: string }) => {
      asked.push(name);
      return { rows: [], rowCount: 0 };
    },
  };
  let made: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (made = resolve));
  const retention = { pass: () => pass().finally(made) };
  const loop = new TidyLoop(
    retention as unknown as Retention,
    database as unknown as Database,
    { reconcileIntervalMs: 1, idempotencyRetentionMs: 1 } as Config,
    { warn: (_fields: object, text: string) => warned.push(text) } as unknown as Log,
  );
  loop.start();
  await passed;
  await loop.stop();
  return { asked, warned };
}

test('answers, claims and runs that are old go in one look, at once after the start', async () => {
  const { asked, warned } = await onceAround(() => Promise.resolve(0));
  expect(asked).toHaveLength(2);
  expect(asked).toContain('forget-old-claims');
  expect(warned).toEqual([]);
});

test('a look that fails is said, and ends nothing but itself', async () => {
  const { warned } = await onceAround(() => Promise.reject(new Error('the database is away')));
  expect(warned).toEqual(['what is old could not be forgotten']);
});
