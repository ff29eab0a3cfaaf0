/** D, E: an engine that is away, in parts or as a whole, and comes back. */
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultCase } from '../fault-case.js';
import type { RealStage } from '../real-stage.js';

const AWAY_MS = 8_000;

export const ENGINE_AWAY: readonly FaultCase[] = [
  {
    rows: ['F26'],
    title:
      'nobody answers at its address: runs stay PENDING with the cause in sight, and begin once each when it is back',
    run: async (stage) => {
      await stage.store('refused', { only: { run: 'echo here' } });
      await stage.proxy.down();
      const ids = await stage.startMany('refused', 5);
      const health = await stage.healthBecomes(({ state }) => state === 'DOWN');
      expect(String(health['detail'])).toMatch(/ECONNREFUSED/);
      await sleep(AWAY_MS);
      for (const id of ids) {
        const run = await stage.run(id);
        expect(run).toMatchObject({ state: 'PENDING', state_reason: 'engine-unavailable' });
      }
      await stage.proxy.up();
      for (const id of ids) await stage.reaches(id, 'COMPLETED');
      expect(await stage.strays(ids)).toEqual([]);
    },
  },
  {
    rows: ['F26', 'F49'],
    title:
      'what we talk to is killed and started again while a run works: the state stays, is said to be old, and ends as the engine says',
    run: async (stage) => {
      const { patienceMs } = stage.troubled;
      await stage.store('interface', { first: { run: 'sleep 20' }, last: { run: 'echo last', needs: ['first'] } });
      const id = await stage.start('interface');
      await stage.atWork(id, 'first');
      await stage.without('interface', async () => {
        await stage.healthBecomes(({ state }) => state === 'DOWN');
        expect(await stage.run(id)).toMatchObject({ state: 'RUNNING', stale: true });
      });
      // A task of Airflow 3 ends itself when nobody has taken its heartbeats for a while.
      const { run, told } = await stage.endedAsTold(id, 2 * patienceMs);
      expect(run.state).toBe(told);
      say(stage, `after its interface was away the run is ${run.state}`);
    },
  },
  {
    rows: ['F36'],
    title: 'what starts tasks is dead: the run is said to be stuck, and ends well once it is back',
    run: async (stage) => {
      const { patienceMs } = stage.troubled;
      await stage.store('scheduler', { only: { run: 'echo here' } });
      let id = 0;
      await stage.without('scheduler', async () => {
        id = await stage.start('scheduler');
        const stuck = await stage.becomes(id, (run) => String(run['state_reason']).startsWith('stuck'));
        expect(stuck).toMatchObject({ state: 'SCHEDULED', state_reason: 'stuck: not-started' });
      });
      const run = await stage.ended(id, 2 * patienceMs);
      expect([run.state, run['state_reason']]).toEqual(['COMPLETED', undefined]);
    },
  },
  {
    rows: ['F26'],
    title:
      'all of it is killed while a run works: the state stays as it was, then is what the engine says; a new run ends well',
    run: async (stage) => {
      const { patienceMs } = stage.troubled;
      await stage.store('crash', { first: { run: 'sleep 25' }, last: { run: 'echo last', needs: ['first'] } });
      const id = await stage.start('crash');
      await stage.atWork(id, 'first');
      let fresh = 0;
      await stage.without('everything', async () => {
        fresh = await stage.start('crash');
        await stage.healthBecomes(({ state }) => state === 'DOWN');
        await sleep(AWAY_MS);
        expect((await stage.run(id)).state).toBe('RUNNING');
      });
      const { run, told } = await stage.endedAsTold(id, 3 * patienceMs);
      expect(run.state).toBe(told);
      if (told === 'FAILED') expect(run['failure']).toMatchObject({ message: expect.stringMatching(/\w/) });
      expect((await stage.ended(fresh, 2 * patienceMs)).state).toBe('COMPLETED');
      say(stage, `after the crash the run is ${run.state}`);
    },
  },
  {
    rows: ['F49'],
    title: 'its lists take four seconds: another engine goes on as fast as before',
    run: async (stage) => {
      await stage.store('slow', { only: { run: 'sleep 600' } });
      await stage.storeLocally('quick', { only: { run: 'echo quick' } });
      const id = await stage.start('slow');
      await stage.reaches(id, 'RUNNING');
      const before = stage.proxy.befallen.get('delay') ?? 0;
      stage.proxy.plan({ fault: { do: 'delay', ms: 4_000 }, when: stage.troubled.isList });
      try {
        for (let round = 0; round < 5; round += 1) {
          const began = performance.now();
          await stage.reaches(await stage.start('quick'), 'COMPLETED', 10_000);
          expect(performance.now() - began).toBeLessThan(4_000);
        }
        expect((await stage.run(id)).state).toBe('RUNNING');
        expect(stage.proxy.befallen.get('delay') ?? 0).toBeGreaterThan(before);
      } finally {
        stage.proxy.heal();
      }
      await stage.cancelled(id);
    },
  },
];

/** What differs between engines, and is right on each. */
function say(stage: RealStage, what: string): void {
  process.stdout.write(`${stage.troubled.engine.name}: ${what}\n`);
}
