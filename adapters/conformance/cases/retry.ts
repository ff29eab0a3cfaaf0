import { expect } from '@jest/globals';
import type { EngineAdapter, OptionalVerbs } from '../../spi/engine-adapter.js';
import { EngineError } from '../../spi/engine-error.js';
import type { CaseBook, World } from '../conformance-case.js';
import {
  NOBODY_KNOWS,
  baselineOf,
  expectEngineError,
  refAfter,
  printedOf,
  taskRun,
  taskStates,
} from '../expectations.js';
import type { ExecutionRef } from '../../spi/facts.js';

/** A verb the adapter declares; its group is left out for adapters that do not. */
export function declared<V extends keyof OptionalVerbs>(
  adapter: EngineAdapter,
  verb: V,
): NonNullable<EngineAdapter[V]> {
  const written = adapter[verb];
  if (!written)
    throw new Error(`${adapter.kind} declares ${verb} ${adapter.capabilities.verbs[verb]} and has not written it`);
  return written;
}

/** A run of `failing-once` that has failed: first COMPLETED, flaky FAILED, last SKIPPED. */
async function failedOnce({ start, ended }: World): Promise<{ ref: ExecutionRef; baseline: string }> {
  const { ref } = await start('failing-once');
  const facts = await ended(ref);
  expect(taskStates(facts)).toEqual({ first: 'COMPLETED', flaky: 'FAILED', last: 'SKIPPED' });
  return { ref, baseline: baselineOf(facts) };
}

async function accepted(call: ReturnType<OptionalVerbs['retry']>, ref: ExecutionRef): Promise<ExecutionRef> {
  const answer = await call;
  expect(answer.outcome).toBe('accepted');
  return refAfter(ref, answer.outcome === 'accepted' ? answer : {});
}

export const RETRY_CASES: Pick<CaseBook, 'retry' | 'retryTask'> = {
  retry: [
    {
      name: 'restarts the failed part, keeps earlier attempts, and changes the baseline',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const again = await accepted(declared(world.adapter, 'retry')(ref, baseline, world.ctx()), ref);
        const facts = await world.until(again, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(baselineOf(facts)).not.toBe(baseline);
        expect(taskStates(facts)).toEqual({ first: 'COMPLETED', flaky: 'COMPLETED', last: 'COMPLETED' });
        expect(taskRun(facts, 'first').attempt).toBe(1);
        expect(taskRun(facts, 'flaky').attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([
          [1, 'FAILED'],
          [2, 'COMPLETED'],
        ]);
        expect(facts.stopEvidence).toBe(false);
        for (const attempt of [1, 2]) {
          const page = await world.adapter.logs(
            { ref: again, task: 'flaky', attempt, limitBytes: 65_536 },
            world.ctx(),
          );
          if (attempt === 1 && world.harness.retryDropsLog === true)
            expect(page).toMatchObject({ source: 'none', reason: expect.stringMatching(/./) });
          else expect(await printedOf(world.harness, page)).toBe(`attempt ${attempt} of flaky\n`);
        }
      },
    },
    {
      name: 'shows a changed baseline from the moment it is accepted',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const again = await accepted(declared(world.adapter, 'retry')(ref, baseline, world.ctx()), ref);
        const facts = await world.adapter.observe(again, world.ctx());
        expect(facts).toMatchObject({ presence: 'present' });
        expect(facts).not.toMatchObject({ baseline });
        await world.ended(again);
      },
    },
    {
      name: 'does nothing for a baseline that has passed: a repeat is not a second retry',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const retry = declared(world.adapter, 'retry');
        const again = await accepted(retry(ref, baseline, world.ctx()), ref);
        await world.until(again, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(await retry(again, baseline, world.ctx())).toEqual({ outcome: 'active-again' });
        expect(taskRun(await world.ended(again), 'flaky').attempt).toBe(2);
      },
    },
    {
      name: 'makes one round of ten retries at once',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const retry = declared(world.adapter, 'retry');
        const answers = await Promise.all(Array.from({ length: 10 }, () => retry(ref, baseline, world.ctx())));
        expect(answers.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
        expect(answers.filter(({ outcome }) => outcome === 'active-again')).toHaveLength(9);
        const facts = await world.until(ref, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(taskRun(facts, 'flaky').attempt).toBe(2);
      },
    },
    {
      name: 'says active-again of an execution that is active',
      run: async ({ adapter, ctx, start, until }) => {
        const { ref } = await start('sleeping');
        const facts = await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        const answer = await declared(adapter, 'retry')(ref, facts.baseline ?? '', ctx());
        expect(answer).toEqual({ outcome: 'active-again' });
        expect(taskRun(await until(ref, 'unchanged', () => true), 'hold').attempt).toBe(1);
        await adapter.cancel(ref, 'force', ctx());
      },
    },
    {
      name: 'says when there is nothing to retry',
      run: async ({ adapter, ctx, start, ended }) => {
        const { ref } = await start('linear');
        const facts = await ended(ref);
        const answer = await declared(adapter, 'retry')(ref, baselineOf(facts), ctx());
        expect(answer).toMatchObject({ outcome: 'nothing-to-retry', message: expect.stringMatching(/./) });
        expect(taskStates(await ended(ref))).toEqual(taskStates(facts));
      },
    },
    {
      name: 'brings a cancelled run back, without the marks of the old stop',
      run: async (world) => {
        const { adapter, ctx, start, until, ended } = world;
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await adapter.cancel(ref, 'force', ctx());
        const stopped = await ended(ref);
        const again = await accepted(declared(adapter, 'retry')(ref, baselineOf(stopped), ctx()), ref);
        const facts = await until(again, 'hold runs again', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        expect(taskRun(facts, 'hold').attempt).toBe(2);
        expect(facts.stopEvidence).toBe(false);
        await adapter.cancel(again, 'force', ctx());
        expect((await ended(again)).phase).toBe('cancelled');
      },
    },
    {
      name: 'refuses an execution the engine does not know',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const { ref } = submission(await workflow('linear'));
        await expectEngineError(declared(adapter, 'retry')(ref, 'none', ctx()), 'not-found');
      },
    },
    {
      name: 'says nobody knows when the answer is lost; a repeat does not retry twice',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const { ref, baseline } = await failedOnce(world);
        const retry = declared(adapter, 'retry');
        await wire.break('retry', { fault: 'lose-answer' });
        await expectEngineError(retry(ref, baseline, ctx()), ...NOBODY_KNOWS);
        await wire.heal();
        expect(await retry(ref, baseline, ctx())).toEqual({ outcome: 'active-again' });
        const facts = await world.until(ref, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(taskRun(facts, 'flaky').attempt).toBe(2);
      },
    },
  ],
  retryTask: [
    {
      name: 'restarts one task and what follows it, and keeps its earlier attempt',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const retryTask = declared(world.adapter, 'retryTask');
        const again = await accepted(retryTask(ref, { task: 'flaky' }, baseline, world.ctx()), ref);
        const facts = await world.until(again, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(baselineOf(facts)).not.toBe(baseline);
        expect(taskRun(facts, 'first').attempt).toBe(1);
        expect(taskRun(facts, 'flaky').attempts?.map(({ attempt }) => attempt)).toEqual([1, 2]);
        expect(taskRun(facts, 'last').state).toBe('COMPLETED');
      },
    },
    {
      name: 'starts nothing for a task that is not there',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const call = declared(world.adapter, 'retryTask')(ref, { task: 'no-such-task' }, baseline, world.ctx());
        const answer = await call.catch((error: unknown) => error);
        if (answer instanceof EngineError) expect(['rejected', 'not-found']).toContain(answer.code);
        else expect(answer).toMatchObject({ outcome: 'nothing-to-retry' });
        const facts = await world.ended(ref);
        expect(facts.baseline).toBe(baseline);
      },
    },
    {
      name: 'says active-again for a baseline that has passed',
      run: async (world) => {
        const { ref, baseline } = await failedOnce(world);
        const retryTask = declared(world.adapter, 'retryTask');
        const again = await accepted(retryTask(ref, { task: 'flaky' }, baseline, world.ctx()), ref);
        await world.until(again, 'the retry succeeded', ({ phase }) => phase === 'succeeded');
        expect(await retryTask(again, { task: 'flaky' }, baseline, world.ctx())).toEqual({ outcome: 'active-again' });
      },
    },
  ],
};
