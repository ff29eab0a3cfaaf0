import { expect } from '@jest/globals';
import { arranged } from '../harness.js';
import type { CaseBook } from '../conformance-case.js';
import {
  DEADLINE_MS,
  expectDeadlineKept,
  expectEngineError,
  forEachShape,
  taskRun,
  taskStates,
} from '../expectations.js';
import { FINAL_PHASES } from '../../spi/facts.js';
import { newKey } from '../world.js';

export const OBSERVE_CASES: Pick<CaseBook, 'observe'> = {
  observe: [
    {
      name: 'reports the whole of a run that succeeded: tasks, attempts, times',
      run: async ({ start, ended }) => {
        const { ref } = await start('linear');
        const facts = await ended(ref);
        expect(facts.phase).toBe('succeeded');
        expect(facts.key).toBe(ref.key);
        expect(facts.externalId).toBe(ref.externalId);
        expect(facts.stopEvidence).toBe(false);
        expect(facts.failure).toBeUndefined();
        expect(taskStates(facts)).toEqual({ first: 'COMPLETED', second: 'COMPLETED', third: 'COMPLETED' });
        for (const run of facts.taskRuns ?? []) {
          expect(run.attempt).toBe(1);
          expect(run.attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([[1, 'COMPLETED']]);
          expect(run.startedAt?.getTime()).toBeLessThanOrEqual(run.finishedAt?.getTime() ?? -1);
        }
        expect(facts.startedAt?.getTime()).toBeLessThanOrEqual(facts.finishedAt?.getTime() ?? -1);
      },
    },
    {
      name: 'shows no task that began before all it needs had ended',
      run: async ({ start, ended }) => {
        const facts = await ended((await start('diamond')).ref);
        for (const [before, after] of [
          ['top', 'left'],
          ['top', 'right'],
          ['left', 'bottom'],
          ['right', 'bottom'],
        ] as const) {
          const ends = taskRun(facts, before).finishedAt?.getTime();
          expect(ends).toBeLessThanOrEqual(taskRun(facts, after).startedAt?.getTime() ?? -1);
        }
      },
    },
    {
      name: 'reports outputs of tasks and of the run',
      run: async ({ start, ended }) => {
        const facts = await ended((await start('diamond')).ref);
        expect(taskRun(facts, 'top').outputs).toEqual({ value: 7 });
        expect(facts.outputs).toEqual({ value: 7 });
      },
    },
    {
      name: 'reports a failure with class, code, sentence and task',
      run: async ({ start, ended }) => {
        const facts = await ended((await start('failing')).ref);
        expect(facts.phase).toBe('failed');
        expect(facts.failure).toMatchObject({ class: 'user', task_title: 'broken' });
        expect(facts.failure?.code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
        expect(facts.failure?.message).toMatch(/./);
        expect(facts.stopEvidence).toBe(false);
        expect(facts.outputs).toBeUndefined();
        expect(taskStates(facts)).toEqual({ after: 'SKIPPED', broken: 'FAILED', first: 'COMPLETED' });
        expect(taskRun(facts, 'broken').attempts?.at(-1)?.exitCode).not.toBe(0);
        expect(taskRun(facts, 'after').attempt).toBe(0);
      },
    },
    {
      name: 'keeps the attempt that the engine retried by itself',
      run: async ({ start, ended }) => {
        const facts = await ended((await start('retrying')).ref);
        const flaky = taskRun(facts, 'flaky');
        expect(facts.phase).toBe('succeeded');
        expect(flaky.attempt).toBe(2);
        expect(flaky.attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([
          [1, 'FAILED'],
          [2, 'COMPLETED'],
        ]);
      },
    },
    {
      name: 'reports a running task as running, and the one behind it as not begun',
      run: async ({ adapter, ctx, start, until }) => {
        const { ref } = await start('sleeping');
        const facts = await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        expect(facts.phase).toBe('running');
        expect(facts.finishedAt).toBeUndefined();
        expect(taskRun(facts, 'after')).toMatchObject({ state: 'PENDING', attempt: 0 });
        expect(taskRun(facts, 'hold').finishedAt).toBeUndefined();
        await adapter.cancel(ref, 'force', ctx());
        await until(ref, 'cancelled', ({ phase }) => phase === 'cancelled');
      },
    },
    {
      name: 'reports one task run per item of a fan-out',
      run: async ({ start, ended }) => {
        const facts = await ended((await start('fan-out', { items: [30, 10, 20] })).ref);
        const items = (facts.taskRuns ?? []).filter((run) => run.task === 'work' && run.mapIndex !== undefined);
        const seen = items.map(({ mapIndex, outputs }) => [mapIndex, outputs?.['item']]);
        expect(seen.sort()).toEqual([
          [0, 30],
          [1, 10],
          [2, 20],
        ]);
      },
    },
    {
      name: 'reports every one of very many task runs, once',
      run: async ({ harness, start, ended }) => {
        const items = Array.from({ length: harness.manyTaskRuns }, (_, index) => index);
        const facts = await ended((await start('fan-out', { items })).ref);
        const indexes = (facts.taskRuns ?? []).flatMap(({ mapIndex }) => mapIndex ?? []);
        expect(indexes.sort((a, b) => a - b)).toEqual(items);
        expect(facts.taskRuns?.every(({ state }) => state === 'COMPLETED')).toBe(true);
      },
    },
    {
      name: 'changes nothing: an ended run is reported the same twice, by two processes',
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const { ref } = await start('linear');
        const facts = await ended(ref);
        expect(await adapter.observe(ref, ctx())).toEqual(facts);
        const other = await harness.connect();
        expect(await other.observe(ref, ctx())).toEqual(facts);
        await other.close();
      },
    },
    {
      name: 'says absent for a key the engine does not know',
      run: async ({ adapter, ctx, workflow, submission }) => {
        const { ref } = submission(await workflow('linear'));
        expect(await adapter.observe(ref, ctx())).toEqual({ presence: 'absent', key: ref.key });
      },
    },
    {
      name: 'says absent once the engine has forgotten the execution, and goes on with the others',
      needs: ['forget'],
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const [gone, kept] = [await start('linear'), await start('linear')];
        await ended(gone.ref);
        await ended(kept.ref);
        await arranged(harness.forget)(gone.ref);
        expect((await adapter.observe(gone.ref, ctx())).presence).toBe('absent');
        expect((await adapter.observe(kept.ref, ctx())).presence).toBe('present');
      },
    },
    {
      name: 'goes on after the engine was restarted',
      needs: ['restart'],
      run: async ({ harness, start, until, adapter, ctx }) => {
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        await arranged(harness.restart)();
        const facts = await until(ref, 'hold still runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        expect(taskRun(facts, 'hold').attempt).toBe(1);
        await adapter.cancel(ref, 'force', ctx());
        await until(ref, 'cancelled', ({ phase }) => phase === 'cancelled');
      },
    },
    {
      name: 'stops at an aborted signal',
      run: async ({ adapter, ctx, start }) => {
        const { ref } = await start('linear');
        await expectEngineError(adapter.observe(ref, { ...ctx(), signal: AbortSignal.abort() }), 'timeout');
      },
    },
    {
      name: 'knows every word the engine has for a run',
      wire: true,
      run: async ({ adapter, ctx, wire, start, ended }) => {
        const { ref } = await start('linear');
        await ended(ref);
        const seen: Record<string, unknown> = {};
        for (const word of Object.keys(wire.words)) {
          await wire.show(ref, word);
          const facts = await adapter.observe(ref, ctx());
          if (facts.presence === 'present') seen[facts.engineState] = facts.phase;
        }
        expect(seen).toEqual(wire.words);
        expect(new Set([...Object.values(wire.words), ...(wire.wordless ?? [])])).toEqual(
          new Set(['scheduled', 'running', 'paused', ...FINAL_PHASES]),
        );
      },
    },
    {
      name: 'draws nothing from a word it does not know',
      wire: true,
      run: async ({ adapter, ctx, wire, start, ended }) => {
        const { ref } = await start('linear');
        await ended(ref);
        const hostile = ['brand_new_state', 'SUCCESS ', '', '__proto__', 'constructor', 'toString'];
        // To some engine the empty word is one.
        for (const word of hostile.filter((one) => !Object.hasOwn(wire.words, one))) {
          await wire.show(ref, word);
          const facts = await adapter.observe(ref, ctx());
          expect(facts).toMatchObject({ presence: 'present', engineState: word });
          expect(facts).not.toHaveProperty('phase');
        }
      },
    },
    {
      name: 'reports what the engine says, also when it goes back from final',
      wire: true,
      run: async ({ adapter, ctx, wire, start, ended }) => {
        const { ref } = await start('linear');
        await ended(ref);
        const running = Object.keys(wire.words).find((word) => wire.words[word] === 'running') ?? '';
        await wire.show(ref, running);
        expect(await adapter.observe(ref, ctx())).toMatchObject({ phase: 'running' });
      },
    },
    {
      name: 'takes neither an unreachable engine nor a proxy for an absence',
      wire: true,
      run: async ({ adapter, ctx, wire, start }) => {
        const { ref } = await start('linear');
        await wire.down();
        await expectEngineError(adapter.observe(ref, ctx()), 'unavailable');
        await wire.heal();
        for (const status of [404, 410, 500, 502, 307]) {
          await wire.break('observe', { fault: 'answer', status, body: '<html>sorry</html>' });
          await expectEngineError(adapter.observe(ref, ctx()), 'unknown', 'unavailable', 'rejected');
          await wire.heal();
        }
        await wire.break('observe', { fault: 'answer', status: 401 });
        await expectEngineError(adapter.observe(ref, ctx()), 'unauthorized');
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const { ref } = await world.start('linear');
        await world.ended(ref);
        await forEachShape(world, 'observe', async (shape) => {
          await wire.break('observe', { fault: 'garble', shape });
          await expectEngineError(adapter.observe(ref, ctx()), 'unknown', 'timeout', 'unavailable');
        });
        expect((await adapter.observe(ref, ctx())).presence).toBe('present');
      },
    },
    {
      name: 'keeps its deadline when the engine is silent',
      wire: true,
      run: async (world) => {
        const ref = { key: newKey(), workflow: { id: '1', title: 'silent', version: 1 } };
        await expectDeadlineKept(world, 'observe', () => world.adapter.observe(ref, world.ctx(DEADLINE_MS)));
      },
    },
  ],
};
