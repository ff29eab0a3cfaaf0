import { expect } from '@jest/globals';
import type { Observation } from '../../spi/facts.js';
import type { CaseBook } from '../conformance-case.js';
import { EngineError } from '../../spi/engine-error.js';
import { DEADLINE_MS, expectDeadlineKept, expectEngineError, forEachShape } from '../expectations.js';
import { newKey } from '../world.js';

const NOWHERE = { id: '1', title: 'nowhere', version: 1 };

function keys(observations: Observation[]): string[] {
  return observations.map(({ key }) => key).sort();
}

export const OBSERVE_MANY_CASES: Pick<CaseBook, 'observeMany'> = {
  observeMany: [
    {
      name: 'gives exactly one observation per ref, over page borders, known or not',
      run: async ({ adapter, ctx, start, ended }) => {
        const [good, bad] = [(await start('linear')).ref, (await start('failing')).ref];
        await ended(good);
        await ended(bad);
        const unknown = Array.from({ length: 2 * adapter.capabilities.pageSize }, () => ({
          key: newKey(),
          workflow: NOWHERE,
        }));
        // The known ones stand on different pages.
        const refs = [good, ...unknown, bad];
        const seen = await adapter.observeMany(refs, ctx());
        expect(keys(seen)).toEqual(refs.map(({ key }) => key).sort());
        const phases = seen.flatMap((one) => (one.presence === 'present' ? [[one.key, one.phase]] : []));
        expect(Object.fromEntries(phases)).toEqual({ [good.key]: 'succeeded', [bad.key]: 'failed' });
      },
    },
    {
      name: 'says the same of a run as observe does',
      run: async ({ adapter, ctx, start, ended }) => {
        const { ref } = await start('failing');
        const { taskRuns: _tasks, ...whole } = await ended(ref);
        const [seen] = await adapter.observeMany([ref], ctx());
        expect(seen).toMatchObject({
          presence: 'present',
          phase: whole.phase,
          engineState: whole.engineState,
          stopEvidence: whole.stopEvidence,
          finishedAt: whole.finishedAt,
        });
      },
    },
    {
      name: 'answers no refs with no observations',
      run: async ({ adapter, ctx }) => {
        expect(await adapter.observeMany([], ctx())).toEqual([]);
      },
    },
    {
      name: 'stops at an aborted signal',
      run: async ({ adapter, ctx, start }) => {
        const { ref } = await start('linear');
        await expectEngineError(adapter.observeMany([ref], { ...ctx(), signal: AbortSignal.abort() }), 'timeout');
      },
    },
    {
      name: 'asks the engine once per page',
      wire: true,
      run: async ({ adapter, ctx, harness, wire }) => {
        const { pageSize } = adapter.capabilities;
        for (const [count, expected] of [
          [1, 1],
          [pageSize, 1],
          [pageSize + 1, 2],
          [3 * pageSize, 3],
        ] as const) {
          const before = await wire.calls('observeMany');
          const refs = Array.from({ length: count }, () => ({ key: newKey(), workflow: NOWHERE }));
          await adapter.observeMany(refs, ctx());
          const asked = (await wire.calls('observeMany')) - before;
          if (harness.listsBeside === undefined) expect(asked).toBe(expected);
          else expect(asked).toBeLessThanOrEqual(expected + harness.listsBeside);
        }
      },
    },
    {
      name: 'does not let one unknown word hide the other runs',
      wire: true,
      run: async ({ adapter, ctx, wire, start, ended }) => {
        const [odd, even] = [(await start('linear')).ref, (await start('linear')).ref];
        await ended(odd);
        await ended(even);
        await wire.show(odd, 'brand_new_state');
        const seen = await adapter.observeMany([odd, even], ctx());
        expect(seen.find(({ key }) => key === even.key)).toMatchObject({ phase: 'succeeded' });
        const other = seen.find(({ key }) => key === odd.key);
        expect(other).toBeDefined();
        expect(other).not.toHaveProperty('phase');
      },
    },
    {
      name: 'calls a run that the list lacks unread, never absent, when the engine fails',
      wire: true,
      run: async ({ adapter, ctx, wire, start }) => {
        const { ref } = await start('linear');
        await wire.down();
        await expectEngineError(adapter.observeMany([ref], ctx()), 'unavailable');
      },
    },
    {
      name: 'draws nothing from a broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const { ref } = await world.start('linear');
        await world.ended(ref);
        await forEachShape(world, 'observeMany', async (shape) => {
          await wire.break('observeMany', { fault: 'garble', shape });
          const seen = await adapter.observeMany([ref], ctx()).catch((error: unknown) => error);
          if (seen instanceof EngineError) return;
          expect(seen).toEqual([{ presence: 'unread', key: ref.key, reason: expect.any(String) }]);
        });
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        const refs = [{ key: newKey(), workflow: NOWHERE }];
        await expectDeadlineKept(world, 'observeMany', () => world.adapter.observeMany(refs, world.ctx(DEADLINE_MS)));
      },
    },
  ],
};
