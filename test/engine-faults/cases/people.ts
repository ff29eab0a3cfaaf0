/** E: what people do on the engine past Signalbox. */
import { expect } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { arranged, isImpossible } from '../../../adapters/conformance/harness.js';
import { until } from '../../support/until.js';
import type { FaultCase } from '../fault-case.js';

export const PEOPLE: readonly FaultCase[] = [
  {
    rows: ['F38'],
    title: 'somebody deletes one running execution: FAILED engine-run-missing after the grace',
    run: async (stage) => {
      await stage.store('deleted', { only: { run: 'sleep 600' } });
      const [kept, id] = [await stage.start('deleted'), await stage.start('deleted')];
      for (const one of [kept, id]) await stage.reaches(one, 'RUNNING');
      const on = await stage.onEngine(id);
      // Nobody looks meanwhile: some engines let go only of what they have stopped.
      await stage.proxy.down();
      await stage.troubled.remove(on);
      await stage.proxy.up();
      const run = await stage.ended(id);
      expect(run).toMatchObject({ state: 'FAILED', failure: { class: 'engine', code: 'engine-run-missing' } });
      expect((await stage.run(kept)).state).toBe('RUNNING');
      await stage.cancelled(kept);
    },
  },
  {
    rows: ['F47'],
    title: 'somebody has a failed run done again on the engine: the state stays, and drift says so',
    run: async (stage) => {
      await stage.store('again', { only: { run: 'sleep 20; exit 3' } });
      const id = await stage.start('again');
      await stage.reaches(id, 'FAILED');
      const before = await stage.run(id);
      await stage.troubled.runAgain(await stage.onEngine(id));
      const found = await until(
        async () => (await stage.drift('state')).filter((entry) => Number(entry['workflow_run_id']) === id),
        (entries) => entries.length > 0,
      );
      expect(found).toHaveLength(1);
      const after = await stage.run(id);
      expect([after.state, after['generation'], after['failure']]).toEqual([
        'FAILED',
        before['generation'],
        before['failure'],
      ]);
    },
  },
  {
    rows: ['F48'],
    title: 'an execution under a key of ours that no run knows: listed as an orphan, never touched',
    run: async (stage) => {
      await stage.store('orphaned', { only: { run: 'sleep 12' } });
      const first = await stage.start('orphaned');
      await stage.reaches(first, 'RUNNING');
      const like = await stage.onEngine(first);
      const key = stage.newKey();
      await stage.troubled.plant(key, like, 'this-installation');
      const orphan = stage.beside(like, key);
      await until(
        async () => (await stage.drift('orphan')).map((entry) => String(entry['external_id'])),
        (ids) => ids.includes(orphan.externalId),
      );
      expect(await stage.endedThere(orphan)).toBe(stage.troubled.endWords[0]);
      await stage.reaches(first, 'COMPLETED');
    },
  },
  {
    rows: ['F36'],
    title: 'somebody kills the process or pod of a task: the run ends FAILED with a reason',
    run: async (stage) => {
      // Of no other process of this machine.
      const command = `sleep ${randomInt(100_000, 1_000_000)}`;
      await stage.store('killed', { only: { run: `exec ${command}` } });
      const id = await stage.start('killed');
      await stage.atWork(id, 'only');
      await stage.troubled.killWork(await stage.onEngine(id), command);
      const run = await stage.reaches(id, 'FAILED');
      expect(run['failure']).toMatchObject({ task_title: 'only', message: expect.stringMatching(/\w/) });
      expect(await stage.tasks(id)).toEqual({ only: 'FAILED' });
    },
  },
  {
    rows: ['F36'],
    title: 'somebody stops all runs of a definition: SCHEDULED with the diagnosis, and it goes on when they are let go',
    impossible: ({ hold }) => (isImpossible(hold) ? hold.impossible : undefined),
    run: async (stage) => {
      const { hold, release } = stage.troubled;
      await stage.store('held', { only: { run: 'echo held' } });
      const first = await stage.start('held');
      await stage.reaches(first, 'COMPLETED');
      await arranged(hold)(await stage.onEngine(first));
      const id = await stage.start('held');
      await stage.becomes(id, (run) => String(run['state_reason']) === 'engine-definition-paused');
      await stage.becomes(id, (run) => String(run['state_reason']) === 'stuck: engine-definition-paused');
      await sleep(2_000);
      expect((await stage.run(id)).state).toBe('SCHEDULED');
      await release(await stage.onEngine(first));
      await stage.reaches(id, 'COMPLETED');
    },
  },
];
