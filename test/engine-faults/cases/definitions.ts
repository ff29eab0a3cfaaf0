/** D: definitions that the engine has not read yet, cannot read, or has no more. */
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { arranged, isImpossible } from '../../../adapters/conformance/harness.js';
import { until } from '../../support/until.js';
import { isFinal, type RunState } from '../../../src/lifecycle/run-state.js';
import type { FaultCase } from '../fault-case.js';

export const DEFINITIONS: readonly FaultCase[] = [
  {
    rows: ['F37'],
    title: 'what reads definitions is dead: the run waits as PENDING, and begins once when it is back',
    impossible: ({ kill }) => (isImpossible(kill.parser) ? kill.parser.impossible : undefined),
    run: async (stage) => {
      let id = 0;
      await stage.without('parser', async () => {
        await stage.store('unread', { only: { run: 'echo read' } }, { wait: false });
        id = await stage.start('unread');
        await sleep(6_000);
        expect(await stage.run(id)).toMatchObject({ state: 'PENDING', state_reason: 'registration-pending' });
      });
      await stage.reaches(id, 'COMPLETED');
      expect(await stage.strays([id])).toEqual([]);
    },
  },
  {
    rows: ['F37'],
    title: 'the engine cannot read a definition: the registration is FAILED with its words, and so is a run',
    impossible: ({ unreadable }) => (isImpossible(unreadable) ? unreadable.impossible : undefined),
    run: async (stage) => {
      const { unreadable, patienceMs } = stage.troubled;
      const { text, says } = arranged(unreadable);
      await stage.storeNative('unreadable', text);
      const waiting = await stage.start('unreadable');
      const workflow = await until(
        () => stage.registration('unreadable'),
        (one) => one['registration']?.state === 'FAILED',
        patienceMs,
      );
      expect(JSON.stringify(workflow['registration'])).toContain(says);
      const run = await stage.ended(waiting);
      expect(run).toMatchObject({ state: 'FAILED', failure: { code: 'registration-failed' } });
    },
  },
  {
    rows: ['F37'],
    title:
      'somebody deletes the definition of a running run: its state is said with the cause, and the next run is mended or says what is missing',
    run: async (stage) => {
      const { removeDefinition, patienceMs } = stage.troubled;
      await stage.store('removed', { first: { run: 'sleep 12' }, last: { run: 'echo last', needs: ['first'] } });
      const id = await stage.start('removed');
      await stage.atWork(id, 'first');
      await removeDefinition(await stage.onEngine(id));
      const left = await stage.becomes(id, ({ state, state_reason: reason }) => {
        return isFinal(state as RunState) || String(reason) === 'engine-definition-missing';
      });
      process.stdout.write(`${stage.troubled.engine.name}: without its definition ${left.state}\n`);
      const later = await stage.start('removed');
      const next = await stage.ended(later, 2 * patienceMs);
      if (next.state !== 'COMPLETED')
        expect(next['failure']).toMatchObject({ message: expect.stringMatching(/template/i) });
      const { run, told } = await stage.endedAsTold(id, patienceMs);
      expect(run.state).toBe(told);
    },
  },
];
