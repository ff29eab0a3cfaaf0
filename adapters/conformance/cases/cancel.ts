import { expect } from '@jest/globals';
import type { CaseBook } from '../conformance-case.js';
import {
  DEADLINE_MS,
  NOBODY_KNOWS,
  expectDeadlineKept,
  expectEngineError,
  forEachShape,
  taskRun,
  taskStates,
} from '../expectations.js';

export const CANCEL_CASES: Pick<CaseBook, 'cancel'> = {
  cancel: [
    {
      name: 'stops an execution at once after its submit',
      run: async ({ adapter, ctx, start, ended }) => {
        const { ref } = await start('sleeping');
        expect(await adapter.cancel(ref, 'graceful', ctx())).toEqual({ outcome: 'requested' });
        const facts = await ended(ref);
        expect(facts.phase).toBe('cancelled');
        expect(taskRun(facts, 'after').attempt).toBe(0);
      },
    },
    ...(['graceful', 'force'] as const).map((mode) => ({
      name: `stops a running execution (${mode}), and leaves evidence of the stop and no live task`,
      run: async ({
        adapter,
        ctx,
        start,
        until,
        ended,
      }: Parameters<CaseBook['cancel'][0]['run']>[0]): Promise<void> => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        expect(await adapter.cancel(ref, mode, ctx())).toEqual({ outcome: 'requested' });
        const facts = await ended(ref);
        expect(facts.phase).toBe('cancelled');
        expect(facts.stopEvidence).toBe(true);
        expect(facts.liveTasks ?? 0).toBe(0);
        expect(facts.finishedAt).toBeInstanceOf(Date);
        expect(taskStates(facts)).toMatchObject({ hold: 'CANCELLED' });
        expect(taskRun(facts, 'hold').attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([
          [1, 'CANCELLED'],
        ]);
        const [listed] = await adapter.observeMany([ref], ctx());
        expect(listed).toMatchObject({ phase: 'cancelled', stopEvidence: true });
      },
    })),
    {
      name: 'can be repeated, from another process, and made harder',
      run: async ({ adapter, ctx, harness, start, until, ended }) => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        const other = await harness.connect();
        await adapter.cancel(ref, 'graceful', ctx());
        expect(['requested', 'already-final']).toContain((await other.cancel(ref, 'force', ctx())).outcome);
        expect((await ended(ref)).phase).toBe('cancelled');
        await other.close();
      },
    },
    {
      name: 'says already-final of an execution that has ended, and changes nothing',
      run: async ({ adapter, ctx, start, ended }) => {
        for (const fixture of ['linear', 'failing'] as const) {
          const { ref } = await start(fixture);
          const before = await ended(ref);
          for (const mode of ['graceful', 'force'] as const) {
            expect(await adapter.cancel(ref, mode, ctx())).toEqual({ outcome: 'already-final' });
          }
          expect(await adapter.observe(ref, ctx())).toEqual(before);
        }
      },
    },
    {
      name: 'says absent of an execution the engine does not know',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const { ref } = submission(await workflow('linear'));
        expect(await adapter.cancel(ref, 'graceful', ctx())).toEqual({ outcome: 'absent' });
      },
    },
    {
      name: 'stops at an aborted signal',
      run: async ({ adapter, ctx, start }) => {
        const { ref } = await start('sleeping');
        await expectEngineError(adapter.cancel(ref, 'graceful', { ...ctx(), signal: AbortSignal.abort() }), 'timeout');
        await adapter.cancel(ref, 'force', ctx());
      },
    },
    {
      name: 'sends nothing to an execution that has ended',
      wire: true,
      run: async ({ adapter, ctx, wire, start, ended }) => {
        const { ref } = await start('linear');
        await ended(ref);
        const before = await wire.calls('cancel');
        await adapter.cancel(ref, 'graceful', ctx());
        expect(await wire.calls('cancel')).toBe(before);
      },
    },
    {
      name: 'is asked for in every state that is not final, in none that is',
      wire: true,
      run: async ({ adapter, ctx, wire, start }) => {
        for (const [word, phase] of Object.entries(wire.words)) {
          const { ref } = await start('sleeping');
          await wire.show(ref, word);
          const final = ['succeeded', 'failed', 'cancelled'].includes(phase);
          const { outcome } = await adapter.cancel(ref, 'graceful', ctx());
          expect([word, outcome]).toEqual([word, final ? 'already-final' : 'requested']);
        }
      },
    },
    {
      name: 'says nobody knows when the answer is lost; what happened is observed',
      wire: true,
      run: async ({ adapter, ctx, wire, start, until, ended }) => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await wire.break('cancel', { fault: 'lose-answer' });
        await expectEngineError(adapter.cancel(ref, 'graceful', ctx()), ...NOBODY_KNOWS);
        await wire.heal();
        expect((await ended(ref)).phase).toBe('cancelled');
        expect(await adapter.cancel(ref, 'graceful', ctx())).toEqual({ outcome: 'already-final' });
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        await forEachShape(world, 'cancel', async (shape) => {
          const { ref } = await world.start('sleeping');
          await wire.break('cancel', { fault: 'garble', shape });
          await expectEngineError(adapter.cancel(ref, 'graceful', ctx()), ...NOBODY_KNOWS);
        });
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        const { ref } = await world.start('sleeping');
        await expectDeadlineKept(world, 'cancel', () => world.adapter.cancel(ref, 'force', world.ctx(DEADLINE_MS)));
      },
    },
  ],
};
