import { expect } from '@jest/globals';
import type { LogPage, LogRequest } from '../../spi/engine-adapter.js';
import { EngineError } from '../../spi/engine-error.js';
import { arranged } from '../harness.js';
import type { CaseBook, World } from '../conformance-case.js';
import {
  DEADLINE_MS,
  expectDeadlineKept,
  expectEngineError,
  forEachShape,
  printedOf,
  taskRun,
  textOf,
} from '../expectations.js';
import { noisyLog } from '../fixtures.js';

const WHOLE = 4 * 1_048_576;

/** All pages after each other. */
async function readAll({ adapter, ctx }: World, request: LogRequest): Promise<{ pages: string[]; last: LogPage }> {
  const pages: string[] = [];
  for (let next: LogRequest = request; ;) {
    const last = await adapter.logs(next, ctx());
    pages.push(await textOf(last));
    if (last.nextCursor === undefined || pages.length > 1_000) return { pages, last };
    // It travels in an address and in a header.
    expect(last.nextCursor).toMatch(/^[\x21-\x7e]{1,500}$/);
    next = { ...request, cursor: last.nextCursor };
  }
}

export const LOG_CASES: Pick<CaseBook, 'logs'> = {
  logs: [
    {
      name: 'gives a whole log on one page that is large enough, and says that it ends',
      run: async (world) => {
        const { ref } = await world.start('noisy');
        await world.ended(ref);
        const page = await world.adapter.logs({ ref, task: 'chatter', attempt: 1, limitBytes: WHOLE }, world.ctx());
        expect(await printedOf(world.harness, page)).toBe(noisyLog());
        expect(page.source).not.toBe('none');
        expect(page.end).toBe(true);
        expect(page.nextCursor).toBeUndefined();
      },
    },
    {
      name: 'gives pages of whole lines within the limit, which together are the whole',
      run: async (world) => {
        const { ref } = await world.start('noisy');
        await world.ended(ref);
        const { pages, last } = await readAll(world, { ref, task: 'chatter', attempt: 1, limitBytes: 10_000 });
        const log = pages.join('');
        expect(world.harness.printedLines?.(log) ?? log).toBe(noisyLog());
        expect(pages.length).toBeGreaterThan(noisyLog().length / 10_000 - 1);
        for (const page of pages.filter((text) => text !== '')) {
          expect(Buffer.byteLength(page)).toBeLessThanOrEqual(10_000);
          expect(page.endsWith('\n')).toBe(true);
        }
        expect(last.end).toBe(true);
      },
    },
    {
      name: 'goes on from a cursor in another process',
      run: async (world) => {
        const { ref } = await world.start('noisy');
        await world.ended(ref);
        const request = { ref, task: 'chatter', attempt: 1 };
        const first = await world.adapter.logs({ ...request, limitBytes: 5_000 }, world.ctx());
        const begin = await printedOf(world.harness, first);
        const other = await world.harness.connect();
        const cursor = first.nextCursor ?? 'none';
        const rest = await other.logs({ ...request, cursor, limitBytes: WHOLE }, world.ctx());
        expect(begin + (await printedOf(world.harness, rest))).toBe(noisyLog());
        await other.close();
      },
    },
    {
      name: 'keeps the log of attempt 2 apart from that of attempt 1',
      run: async (world) => {
        const { ref } = await world.start('retrying');
        await world.ended(ref);
        for (const attempt of [1, 2]) {
          const page = await world.adapter.logs({ ref, task: 'flaky', attempt, limitBytes: WHOLE }, world.ctx());
          expect(await printedOf(world.harness, page)).toBe(`attempt ${attempt} of flaky\n`);
          expect(page.end).toBe(true);
        }
      },
    },
    {
      name: 'shows what a running task has said so far, without an end, and ends once the task was stopped',
      run: async (world) => {
        const { adapter, ctx, start, until, ended } = world;
        const { ref } = await start('sleeping');
        await until(ref, 'hold runs', (seen) => taskRun(seen, 'hold').state === 'RUNNING');
        const request = { ref, task: 'hold', attempt: 1, limitBytes: WHOLE };
        let page = await adapter.logs(request, ctx());
        let said = await printedOf(world.harness, page);
        for (const deadline = Date.now() + world.harness.patienceMs; said === '' && Date.now() < deadline;) {
          page = await adapter.logs(request, ctx());
          said = await printedOf(world.harness, page);
        }
        expect(said).toBe('holding\n');
        expect(page.end).toBe(false);
        const cursor = page.nextCursor ?? 'none';
        expect(cursor).not.toBe('none');
        await adapter.cancel(ref, 'force', ctx());
        await ended(ref);
        const { last } = await readAll(world, { ...request, cursor });
        expect(last.end).toBe(true);
      },
    },
    {
      name: 'answers none, with a reason, for an attempt or a task that never was',
      run: async ({ adapter, ctx, start, ended }) => {
        const { ref } = await start('failing');
        await ended(ref);
        for (const [task, attempt] of [
          ['first', 99],
          ['after', 1],
          ['no-such-task', 1],
          ['../../etc/passwd', 1],
        ] as const) {
          const page = await adapter.logs({ ref, task, attempt, limitBytes: WHOLE }, ctx());
          expect(page).toMatchObject({ source: 'none', reason: expect.stringMatching(/./) });
          expect(await textOf(page)).toBe('');
          expect(page.nextCursor).toBeUndefined();
        }
      },
    },
    {
      name: 'answers none, with a reason, once the engine has forgotten the execution',
      needs: ['forget'],
      run: async ({ adapter, ctx, harness, start, ended }) => {
        const { ref } = await start('linear');
        await ended(ref);
        await arranged(harness.forget)(ref);
        const page = await adapter.logs({ ref, task: 'first', attempt: 1, limitBytes: WHOLE }, ctx());
        expect(page).toMatchObject({ source: 'none', reason: expect.stringMatching(/./) });
      },
    },
    {
      name: 'answers no broken page as a log',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, harness, wire } = world;
        const { ref } = await world.start('noisy');
        await world.ended(ref);
        await forEachShape(world, 'logs', async (shape) => {
          await wire.break('logs', { fault: 'garble', shape });
          // To its end: the beginning of a log that is sent as it comes may be whole.
          const page = await adapter
            .logs({ ref, task: 'chatter', attempt: 1, limitBytes: WHOLE }, ctx())
            .catch(asError);
          if (page instanceof EngineError) return;
          if (shape === 'empty' && harness.emptyLogIsGone === true) {
            expect(page).toMatchObject({ source: 'none', reason: expect.stringMatching(/./) });
            expect(await textOf(page)).toBe('');
            return;
          }
          await expectEngineError(textOf(page), 'unknown', 'timeout', 'unavailable');
        });
        // None of them has kept a connection that others need.
        const healthy = await adapter.logs({ ref, task: 'chatter', attempt: 1, limitBytes: 10_000 }, ctx());
        expect(await textOf(healthy)).not.toBe('');
      },
    },
    {
      name: 'tells an unreachable engine from a log that is not there, and keeps its deadline',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const { ref } = await world.start('linear');
        await world.ended(ref);
        const request = { ref, task: 'first', attempt: 1, limitBytes: WHOLE };
        await wire.down();
        await expectEngineError(adapter.logs(request, ctx()), 'unavailable');
        await wire.heal();
        await wire.break('logs', { fault: 'answer', status: 404, body: '<html>404</html>' });
        await expectEngineError(adapter.logs(request, ctx()), 'unknown', 'unavailable');
        await wire.heal();
        await expectDeadlineKept(world, 'logs', () => adapter.logs(request, ctx(DEADLINE_MS)));
      },
    },
  ],
};

function asError(error: unknown): EngineError {
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}
