import { expect } from '@jest/globals';
import type { BrokenShape } from '../broken-shapes.js';
import { arranged } from '../harness.js';
import type { CaseBook } from '../conformance-case.js';
import { DEADLINE_MS, expectDeadlineKept, expectEngineError, forEachShape } from '../expectations.js';

/** The engine itself: is it there, is it the same, do we let go of it. */
export const HEALTH_CASES: Pick<CaseBook, 'ping' | 'sentinel' | 'close'> = {
  ping: [
    {
      name: 'tells the version',
      run: async ({ adapter, ctx }) => {
        expect((await adapter.ping(ctx())).version).toMatch(/\d/);
      },
    },
    {
      name: 'tells unreachable, refused and not-now apart',
      wire: true,
      run: async ({ adapter, ctx, wire }) => {
        await wire.down();
        await expectEngineError(adapter.ping(ctx()), 'unavailable');
        await wire.heal();
        await wire.break('ping', { fault: 'answer', status: 401 });
        await expectEngineError(adapter.ping(ctx()), 'unauthorized');
        await wire.heal();
        await wire.break('ping', { fault: 'answer', status: 503, headers: { 'retry-after': '3' } });
        const { retryAfterSeconds } = await expectEngineError(adapter.ping(ctx()), 'unavailable');
        expect(retryAfterSeconds).toBe(3);
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const check = async (shape: BrokenShape): Promise<void> => {
          await world.wire.break('ping', { fault: 'garble', shape });
          await expectEngineError(world.adapter.ping(world.ctx()), 'unknown', 'timeout', 'unavailable');
        };
        await forEachShape(world, 'ping', check, ['other-key']);
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        await expectDeadlineKept(world, 'ping', () => world.adapter.ping(world.ctx(DEADLINE_MS)));
      },
    },
  ],
  sentinel: [
    {
      name: 'is written once: the same epoch again, and for another process',
      run: async ({ adapter, ctx, harness }) => {
        const first = await adapter.sentinel(ctx());
        expect(first).toMatchObject({ state: 'present', epoch: expect.stringMatching(/./) });
        expect(await adapter.sentinel(ctx())).toEqual(first);
        const other = await harness.connect();
        expect(await other.sentinel(ctx())).toEqual(first);
        await other.close();
      },
    },
    {
      name: 'is the same after the engine was restarted',
      needs: ['restart'],
      run: async ({ adapter, ctx, harness }) => {
        const before = await adapter.sentinel(ctx());
        await arranged(harness.restart)();
        expect(await adapter.sentinel(ctx())).toEqual(before);
      },
    },
    {
      name: 'is missing, or of another epoch, after the engine lost its memory',
      needs: ['wipe'],
      run: async ({ ctx, harness }) => {
        const witness = await harness.connect();
        const before = await witness.sentinel(ctx());
        await arranged(harness.wipe)();
        const after = await witness.sentinel(ctx());
        expect(after).not.toEqual(before);
        const later = await harness.connect();
        const anew = await later.sentinel(ctx());
        expect(anew).toMatchObject({ state: 'present' });
        expect(anew).not.toEqual(before);
        await Promise.all([witness.close(), later.close()]);
      },
    },
    {
      name: 'is not called missing because it could not be read',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const before = await adapter.sentinel(ctx());
        await wire.down();
        await expectEngineError(adapter.sentinel(ctx()), 'unavailable');
        await wire.heal();
        for (const status of [404, 500, 302]) {
          await wire.break('sentinel', { fault: 'answer', status, body: '<html>sorry</html>' });
          await expectEngineError(adapter.sentinel(ctx()), 'unknown', 'unavailable');
          await wire.heal();
        }
        const check = async (shape: BrokenShape): Promise<void> => {
          await wire.break('sentinel', { fault: 'garble', shape });
          await expectEngineError(adapter.sentinel(ctx()), 'unknown', 'timeout', 'unavailable');
        };
        await forEachShape(world, 'sentinel', check, ['other-key']);
        expect(await adapter.sentinel(ctx())).toEqual(before);
      },
    },
  ],
  close: [
    {
      name: 'lets go of the engine, which goes on for others; a second close is harmless',
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const other = await harness.connect();
        await other.ping(ctx());
        await other.close();
        await other.close();
        expect((await ended((await start('linear')).ref)).phase).toBe('succeeded');
        await adapter.ping(ctx());
      },
    },
  ],
};
