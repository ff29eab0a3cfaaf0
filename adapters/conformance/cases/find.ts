import { expect } from '@jest/globals';
import { arranged } from '../harness.js';
import type { CaseBook } from '../conformance-case.js';
import { DEADLINE_MS, expectDeadlineKept, expectEngineError, forEachShape } from '../expectations.js';

export const FIND_CASES: Pick<CaseBook, 'find'> = {
  find: [
    {
      name: 'says absent for a key nobody submitted',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const never = submission(await workflow('linear'));
        expect(await adapter.find(never.ref, never.marker, ctx())).toEqual({ outcome: 'absent' });
      },
    },
    {
      name: 'finds by key alone what submit started',
      run: async ({ adapter, ctx, start }) => {
        const { submission, ref } = await start('linear');
        const found = await adapter.find(submission.ref, submission.marker, ctx());
        expect(found).toMatchObject({ outcome: 'found', externalId: ref.externalId });
      },
    },
    {
      name: 'compares the whole marker',
      run: async ({ adapter, ctx, start }) => {
        const { submission } = await start('linear');
        const others = [{ installationId: 'another-installation' }, { contentDigest: '0'.repeat(64) }];
        for (const other of others) {
          const found = await adapter.find(submission.ref, { ...submission.marker, ...other }, ctx());
          expect(found.outcome).toBe('conflict');
        }
      },
    },
    {
      name: 'stops at an aborted signal',
      run: async ({ adapter, ctx, start }) => {
        const { submission } = await start('linear');
        const aborted = { ...ctx(), signal: AbortSignal.abort() };
        await expectEngineError(adapter.find(submission.ref, submission.marker, aborted), 'timeout');
      },
    },
    {
      name: 'says absent once the engine has forgotten the execution',
      needs: ['forget'],
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const { submission, ref } = await start('linear');
        await ended(ref);
        await arranged(harness.forget)(ref);
        expect((await adapter.find(submission.ref, submission.marker, ctx())).outcome).toBe('absent');
      },
    },
    {
      name: 'does not take an unreachable engine, or the 404 of a proxy, for an absence',
      wire: true,
      run: async ({ adapter, ctx, wire, start }) => {
        const { submission } = await start('linear');
        const find = (): Promise<unknown> => adapter.find(submission.ref, submission.marker, ctx());
        await wire.down();
        await expectEngineError(find(), 'unavailable');
        await wire.heal();
        for (const [status, body] of [
          [404, '<html>404 page not found</html>'],
          [404, ''],
          [502, ''],
          [302, ''],
        ] as const) {
          await wire.break('find', { fault: 'answer', status, body });
          await expectEngineError(find(), 'unknown', 'unavailable');
          await wire.heal();
        }
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const { submission } = await world.start('linear');
        await forEachShape(world, 'find', async (shape) => {
          await wire.break('find', { fault: 'garble', shape });
          const call = adapter.find(submission.ref, submission.marker, ctx());
          await expectEngineError(call, 'unknown', 'timeout', 'unavailable');
        });
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        const { submission } = await world.start('linear');
        await expectDeadlineKept(world, 'find', () =>
          world.adapter.find(submission.ref, submission.marker, world.ctx(DEADLINE_MS)),
        );
      },
    },
  ],
};
