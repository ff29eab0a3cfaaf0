/** D: credentials that end, and others that come. */
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase } from '../fault-case.js';
import type { RealStage } from '../real-stage.js';

const REFUSED_MS = 8_000;

export const CREDENTIALS: readonly FaultCase[] = [
  {
    rows: ['F34'],
    title:
      'credentials expire and are refused: the engine is UNAUTHORIZED, no run ends by it, and all go on afterwards',
    run: async (stage) => {
      const { acceptCredentials, patienceMs } = stage.troubled;
      await stage.store('credentials', { only: { run: 'sleep 20' } });
      const ids = await refusedRuns(stage).finally(() => acceptCredentials());
      for (const id of ids) expect((await stage.ended(id, 2 * patienceMs)).state).toBe('COMPLETED');
      expect(await stage.strays(ids)).toEqual([]);
      expect((await stage.health()).state).toBe('UP');
    },
  },
];

/** Runs that were made while nobody was let in. */
async function refusedRuns(stage: RealStage): Promise<number[]> {
  await stage.troubled.refuseCredentials();
  const health = await stage.healthBecomes(({ state }) => state === 'UNAUTHORIZED', 90_000);
  expect(String(health['detail'])).toMatch(/\w/);
  const ids = await stage.startMany('credentials', 3);
  await sleep(REFUSED_MS);
  for (const id of ids) expect((await stage.run(id)).state).toBe('PENDING');
  return ids;
}
