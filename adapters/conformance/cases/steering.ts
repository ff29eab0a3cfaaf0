import { expect } from '@jest/globals';
import { arranged } from '../harness.js';
import type { CaseBook } from '../conformance-case.js';
import { expectEngineError, taskRun, within } from '../expectations.js';
import { declared } from './retry.js';

/** An engine may take a verb that comes too late, or refuse it; it must not be in doubt about it. */
async function refusedOrDone(call: Promise<void>): Promise<void> {
  const error = await call.catch((thrown: unknown) => thrown);
  if (error !== undefined) expect(error).toMatchObject({ name: 'EngineError', code: 'rejected' });
}

/** Verbs on a run that goes on: one task stopped, the run held and let go, the hints it gives; and what is left of it at last. */
export const STEERING_CASES: Pick<CaseBook, 'cancelTask' | 'pause' | 'resume' | 'hints' | 'forget'> = {
  cancelTask: [
    {
      name: 'stops one task and leaves the other alone',
      run: async ({ adapter, ctx, start, until, ended }) => {
        const { ref } = await start('sleeping-aside');
        const ready = await until(
          ref,
          'hold runs and aside has ended',
          (seen) => taskRun(seen, 'hold').state === 'RUNNING' && taskRun(seen, 'aside').state === 'COMPLETED',
        );
        expect(taskRun(ready, 'hold').attempt).toBe(1);
        const cancelTask = declared(adapter, 'cancelTask');
        expect(await cancelTask(ref, { task: 'hold' }, ctx())).toEqual({ outcome: 'requested' });
        const facts = await ended(ref);
        expect(taskRun(facts, 'hold')).toMatchObject({ state: 'CANCELLED', attempt: 1 });
        expect(taskRun(facts, 'aside')).toMatchObject({ state: 'COMPLETED', attempt: 1 });
      },
    },
    {
      name: 'says already-final of a task that has ended, absent of a run that is not there',
      run: async ({ adapter, ctx, start, ended, workflow, submission }) => {
        const { ref } = await start('linear');
        await ended(ref);
        const cancelTask = declared(adapter, 'cancelTask');
        expect(await cancelTask(ref, { task: 'first' }, ctx())).toEqual({ outcome: 'already-final' });
        const never = submission(await workflow('linear')).ref;
        expect(await cancelTask(never, { task: 'first' }, ctx())).toEqual({ outcome: 'absent' });
      },
    },
  ],
  pause: [
    {
      name: 'lets no further task begin, and is seen as paused, until resume',
      run: async ({ adapter, ctx, start, until }) => {
        const { ref } = await start('waiting');
        await until(ref, 'slow runs', (seen) => taskRun(seen, 'slow').state === 'RUNNING');
        await declared(adapter, 'pause')(ref, ctx());
        const held = await until(
          ref,
          'paused, and slow has ended',
          (seen) => seen.phase === 'paused' && taskRun(seen, 'slow').state === 'COMPLETED',
        );
        expect(taskRun(held, 'after').attempt).toBe(0);
        await declared(adapter, 'resume')(ref, ctx());
        const facts = await until(ref, 'succeeded', ({ phase }) => phase === 'succeeded');
        expect(taskRun(facts, 'after').attempt).toBe(1);
      },
    },
    {
      name: 'can be repeated, and a paused run can be cancelled',
      run: async ({ adapter, ctx, start, until, ended }) => {
        const { ref } = await start('sleeping');
        const pause = declared(adapter, 'pause');
        await pause(ref, ctx());
        await pause(ref, ctx());
        await until(ref, 'paused', ({ phase }) => phase === 'paused');
        expect(await adapter.cancel(ref, 'graceful', ctx())).toEqual({ outcome: 'requested' });
        const facts = await ended(ref);
        expect(facts).toMatchObject({ phase: 'cancelled', stopEvidence: true });
      },
    },
    {
      name: 'changes nothing of a run that has ended, and refuses one that is not there',
      run: async ({ adapter, ctx, start, ended, workflow, submission }) => {
        const { ref } = await start('linear');
        const before = await ended(ref);
        await refusedOrDone(declared(adapter, 'pause')(ref, ctx()));
        expect(await adapter.observe(ref, ctx())).toEqual(before);
        const never = submission(await workflow('linear')).ref;
        await expectEngineError(declared(adapter, 'pause')(never, ctx()), 'not-found');
      },
    },
  ],
  resume: [
    {
      name: 'is harmless to a run that is not paused',
      run: async ({ adapter, ctx, start, until, ended }) => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await declared(adapter, 'resume')(ref, ctx());
        await until(ref, 'hold still runs', (seen) => seen.phase === 'running');
        await adapter.cancel(ref, 'force', ctx());
        await ended(ref);
      },
    },
    {
      name: 'changes nothing of a run that has ended, and refuses one that is not there',
      run: async ({ adapter, ctx, start, ended, workflow, submission }) => {
        const { ref } = await start('linear');
        const before = await ended(ref);
        await refusedOrDone(declared(adapter, 'resume')(ref, ctx()));
        expect(await adapter.observe(ref, ctx())).toEqual(before);
        const never = submission(await workflow('linear')).ref;
        await expectEngineError(declared(adapter, 'resume')(never, ctx()), 'not-found');
      },
    },
  ],
  hints: [
    {
      name: 'tells the key of a run that changed',
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const keys = new Set<string>();
        let heard = (): void => undefined;
        const stop = declared(
          adapter,
          'hints',
        )((key) => {
          keys.add(key);
          heard();
        });
        try {
          // The first hints may be lost while the listener connects: a run that changes later must be heard.
          const { ref } = await start('waiting');
          const hint = new Promise<void>((resolve) => {
            heard = () => (keys.has(ref.key) ? resolve() : undefined);
            heard();
          });
          await within(harness.patienceMs, 'a hint', hint);
          await ended(ref);
          await adapter.ping(ctx());
        } finally {
          stop();
        }
      },
    },
    {
      name: 'tells again after the engine was restarted',
      needs: ['restart'],
      run: async ({ adapter, harness, start, ended }) => {
        const keys = new Set<string>();
        let heard = (): void => undefined;
        const stop = declared(
          adapter,
          'hints',
        )((key) => {
          keys.add(key);
          heard();
        });
        try {
          await ended((await start('linear')).ref);
          await arranged(harness.restart)();
          const { ref } = await start('waiting');
          const hint = new Promise<void>((resolve) => {
            heard = () => (keys.has(ref.key) ? resolve() : undefined);
            heard();
          });
          await within(harness.patienceMs, 'a hint', hint);
          await ended(ref);
        } finally {
          stop();
        }
      },
    },
    {
      name: 'tells nothing after the listener has gone',
      run: async ({ adapter, start, ended }) => {
        let count = 0;
        const stop = declared(adapter, 'hints')(() => (count += 1));
        stop();
        const after = count;
        await ended((await start('linear')).ref);
        expect(count).toBe(after);
      },
    },
  ],
  forget: [
    {
      name: 'removes executions that have ended, whether they are there or not, again and again',
      run: async ({ adapter, ctx, start, ended, workflow, submission }) => {
        const { ref } = await start('noisy');
        await ended(ref);
        const kept = await start('linear');
        await ended(kept.ref);
        const refs = [ref, submission(await workflow('linear')).ref];
        const forget = declared(adapter, 'forget');
        await forget(refs, ctx());
        expect(await adapter.observe(ref, ctx())).toEqual({ presence: 'absent', key: ref.key });
        await forget(refs, ctx());
        expect(await adapter.observe(kept.ref, ctx())).toMatchObject({ presence: 'present', phase: 'succeeded' });
      },
    },
    {
      name: 'leaves an execution that goes on as it is',
      run: async ({ adapter, ctx, start, until, ended }) => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await declared(adapter, 'forget')([ref], ctx());
        await until(ref, 'hold still runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await adapter.cancel(ref, 'force', ctx());
        await ended(ref);
      },
    },
  ],
};
