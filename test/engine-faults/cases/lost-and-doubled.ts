/** C, D: requests and answers that get lost, come twice or come late, between us and a real engine. */
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyFault } from '../../support/fault-proxy.js';
import { until } from '../../support/until.js';
import type { FaultCase } from '../fault-case.js';
import type { RealStage } from '../real-stage.js';

const RUNS = 6;
const LATE_MS = 20_000;

export const LOST_AND_DOUBLED: readonly FaultCase[] = [
  {
    rows: ['F27'],
    title: 'every answer to a submit is lost: each run is there once, and ends well',
    run: (stage) => eachOnce(stage, 'answers-lost', { do: 'lose-response' }),
  },
  {
    rows: ['F28'],
    title: 'every submit arrives twice: each run is there once, and ends well',
    run: (stage) => eachOnce(stage, 'requests-doubled', { do: 'duplicate' }),
  },
  {
    rows: ['F29'],
    title: 'a submit arrives 20 s late: the run is there once, and ends well',
    run: async (stage) => {
      await stage.store('late', { only: { run: 'echo once' } });
      const id = await startLate(stage, 'late');
      await stage.reaches(id, 'COMPLETED');
      // The late one has come by then, and found its key taken.
      await sleep(LATE_MS);
      expect(await stage.strays([id])).toEqual([]);
      expect((await stage.run(id)).state).toBe('COMPLETED');
    },
  },
  {
    rows: ['F29'],
    title: 'a submit arrives after the run was cancelled: it stays CANCELLED, and what comes is stopped on sight',
    run: async (stage) => {
      await stage.store('unwanted', { only: { run: 'sleep 600' } });
      // Shows where executions of the workflow are.
      const first = await stage.start('unwanted');
      await stage.reaches(first, 'RUNNING');
      const like = await stage.onEngine(first);
      const id = await startLate(stage, 'unwanted');
      await stage.cancelled(id);
      const { key } = await stage.onEngine(id);
      await stage.endedThere(stage.beside(like, key));
      expect((await stage.run(id)).state).toBe('CANCELLED');
      const drift = await stage.drift('late-execution');
      expect(drift.map((entry) => Number(entry['workflow_run_id']))).toContain(id);
      await stage.cancelled(first);
    },
  },
  {
    rows: ['F31'],
    title: 'somebody else has a run under our key: ours is FAILED with the conflict, theirs goes on',
    run: async (stage) => {
      await stage.store('taken', { only: { run: 'sleep 15' } });
      const first = await stage.start('taken');
      await stage.reaches(first, 'RUNNING');
      const like = await stage.onEngine(first);
      await stage.proxy.down();
      const id = await stage.start('taken');
      const { key } = await stage.onEngine(id);
      await stage.troubled.plant(key, like, 'another-installation');
      await stage.proxy.up();
      const run = await stage.reaches(id, 'FAILED');
      expect(run['failure']).toMatchObject({ class: 'engine', code: 'engine-conflict' });
      expect(await stage.endedThere(stage.beside(like, key))).toBe(stage.troubled.endWords[0]);
    },
  },
];

/** The submit of the run is on its way when this resolves. */
async function startLate(stage: RealStage, title: string): Promise<number> {
  const before = stage.proxy.befallen.get('delay') ?? 0;
  stage.proxy.plan({ fault: { do: 'delay', ms: LATE_MS }, times: 1, when: stage.troubled.isSubmit });
  const id = await stage.start(title);
  await until(
    async () => stage.proxy.befallen.get('delay') ?? 0,
    (count) => count > before,
  );
  return id;
}

async function eachOnce(stage: RealStage, title: string, fault: ProxyFault): Promise<void> {
  await stage.store(title, { only: { run: 'echo once' } });
  stage.proxy.plan({ fault, times: RUNS, when: stage.troubled.isSubmit });
  const ids = await stage.startMany(title, RUNS);
  const ended = await Promise.all(ids.map((id) => stage.ended(id)));
  stage.proxy.heal();
  expect(ended.map(({ state }) => state)).toEqual(ids.map(() => 'COMPLETED'));
  expect(stage.proxy.befallen.get(fault.do)).toBeGreaterThanOrEqual(RUNS);
  expect(await stage.strays(ids)).toEqual([]);
}
