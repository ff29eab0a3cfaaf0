/** D: an engine that comes back from a backup. */
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase } from '../fault-case.js';

/** So many that they were not removed one by one, whatever else is there. */
const MANY = 6;
/** Passes, and more than ENGINE_MISSING_GRACE. */
const IN_DOUBT_MS = 12_000;

export const LOST_MEMORY: readonly FaultCase[] = [
  {
    rows: ['F38'],
    title:
      'its database is put back to an older state: no run that it forgot gets a verdict, a cancel is the way out, new runs end well',
    run: async (stage) => {
      const { save, restore, patienceMs } = stage.troubled;
      await stage.store('forgotten', { only: { run: 'sleep 600' } });
      await stage.store('remembered', { only: { run: 'echo here' } });
      await stage.reaches(await stage.start('remembered'), 'COMPLETED');
      await save();
      const ids = await stage.startMany('forgotten', MANY);
      for (const id of ids) await stage.reaches(id, 'RUNNING', 2 * patienceMs);
      await restore();
      await stage.healthBecomes(({ state }) => state === 'SUSPECT', patienceMs);
      await sleep(IN_DOUBT_MS);
      for (const id of ids) {
        expect(await stage.run(id)).toMatchObject({ state: 'RUNNING', state_reason: 'engine-suspect' });
      }
      for (const id of ids) expect((await stage.api.put(`/workflow-runs/${id}/cancel`)).status).toBe(202);
      for (const id of ids) await stage.reaches(id, 'CANCELLED');
      await stage.healthBecomes(({ state }) => state === 'UP');
      expect((await stage.ended(await stage.start('remembered'), 2 * patienceMs)).state).toBe('COMPLETED');
    },
  },
];
