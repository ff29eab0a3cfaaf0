import { expect } from '@jest/globals';
import type { BrokenShape } from '../broken-shapes.js';
import type { CaseBook } from '../conformance-case.js';
import { expectEngineError, forEachShape } from '../expectations.js';
import { DIAMOND_GRAPH, FIXTURES } from '../fixtures.js';
import type { FixtureName } from '../fixtures.js';
import { workflowVersion } from '../world.js';

/** As hostile as a title may be: 128 characters, dots and spaces in rows, at the end too. */
const HOSTILE_TITLE = 'A..b - C. ._ -'.padEnd(128, '. -_x');

function sortedGraph(tasks: { title: string; downstream: string[] }[]): Record<string, string[]> {
  return Object.fromEntries(tasks.map(({ title, downstream }) => [title, [...downstream].sort()]));
}

export const DEFINITION_CASES: Pick<CaseBook, 'validate' | 'register' | 'retire' | 'describe'> = {
  validate: [
    {
      name: 'finds nothing wrong with any fixture',
      run: async ({ adapter, harness, ctx }) => {
        for (const fixture of Object.keys(FIXTURES) as FixtureName[]) {
          const { diagnostics } = await adapter.validate(harness.definition(fixture), ctx());
          expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
        }
      },
    },
    {
      name: 'gives the whole graph where the engine registers at once',
      run: async ({ adapter, harness, ctx }) => {
        const { graph } = await adapter.validate(harness.definition('diamond'), ctx());
        if (adapter.capabilities.registers === 'at-once')
          expect(sortedGraph(graph?.tasks ?? [])).toEqual(DIAMOND_GRAPH);
        else expect(graph).toBeUndefined();
      },
    },
    {
      name: 'answers a refused text with diagnostics, not with an error',
      run: async ({ adapter, harness, ctx }) => {
        const { diagnostics } = await adapter.validate(harness.refusedDefinition, ctx());
        const errors = diagnostics.filter(({ severity }) => severity === 'error');
        expect(errors.length).toBeGreaterThan(0);
        for (const { code, message, pointer } of errors) {
          expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
          expect(message.length).toBeGreaterThan(0);
          expect(typeof pointer).toBe('string');
        }
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, harness, ctx, wire } = world;
        const check = async (shape: BrokenShape): Promise<void> => {
          await wire.break('validate', { fault: 'garble', shape });
          await expectEngineError(adapter.validate(harness.definition('linear'), ctx()), 'unknown', 'timeout');
        };
        await forEachShape(world, 'validate', check, ['other-key']);
      },
    },
  ],
  register: [
    {
      name: 'can be repeated',
      run: async ({ adapter, ctx, workflow }) => {
        const linear = await workflow('linear');
        expect(await adapter.register(linear, ctx())).toEqual({ state: 'READY' });
        expect(await adapter.register(linear, ctx())).toEqual({ state: 'READY' });
      },
    },
    {
      name: 'takes a hostile title, and runs of it are found',
      run: async ({ adapter, ctx, workflow, submission, ended }) => {
        const sent = submission(await workflow('linear', HOSTILE_TITLE));
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
        expect((await adapter.find(sent.ref, sent.marker, ctx())).outcome).toBe('found');
        expect((await ended(sent.ref)).phase).toBe('succeeded');
      },
    },
    {
      name: 'keeps titles apart that differ in case and punctuation only',
      run: async ({ adapter, ctx, workflow }) => {
        const titles: [string, FixtureName][] = [
          ['Data Set', 'linear'],
          ['data-set', 'diamond'],
          ['data_set', 'failing'],
          ['data.set', 'retrying'],
        ];
        const workflows = [];
        for (const [title, fixture] of titles) workflows.push(await workflow(fixture, title));
        const graphs = await Promise.all(workflows.map((one) => adapter.describe(one, ctx())));
        const first = graphs.map(({ tasks }) =>
          tasks
            .map(({ title }) => title)
            .sort()
            .join(' '),
        );
        expect(first).toEqual(['first second third', 'bottom left right top', 'after broken first', 'flaky']);
      },
    },
    {
      name: 'keeps versions of one title side by side',
      run: async ({ adapter, ctx, workflow, submission, ended }) => {
        const old = await workflow('linear', 'conformance versions', 1);
        await workflow('failing', 'conformance versions', 2);
        const sent = submission(old);
        await adapter.submit(sent, ctx());
        expect((await ended(sent.ref)).phase).toBe('succeeded');
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const workflow = await world.workflow('linear');
        const check = async (shape: BrokenShape): Promise<void> => {
          await wire.break('register', { fault: 'garble', shape });
          await expectEngineError(adapter.register(workflow, ctx()), 'unknown', 'timeout');
        };
        await forEachShape(world, 'register', check, ['other-key']);
      },
    },
  ],
  retire: [
    {
      name: 'can be repeated, and leaves executions observable',
      run: async ({ adapter, ctx, harness, workflow, submission, ended }) => {
        const retired = await workflow('linear', 'conformance retired');
        const sent = submission(retired);
        await adapter.submit(sent, ctx());
        await ended(sent.ref);
        await adapter.retire(retired, ctx());
        await adapter.retire(retired, ctx());
        expect((await adapter.observe(sent.ref, ctx())).presence).toBe('present');
        const neverRegistered = workflowVersion(harness, 'linear', 'conformance never registered', 1);
        await adapter.retire(neverRegistered, ctx());
      },
    },
  ],
  describe: [
    {
      name: 'gives every task and every edge',
      run: async ({ adapter, ctx, workflow }) => {
        const { tasks } = await adapter.describe(await workflow('diamond'), ctx());
        expect(sortedGraph(tasks)).toEqual(DIAMOND_GRAPH);
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const { adapter, ctx, wire } = world;
        const workflow = await world.workflow('diamond');
        const check = async (shape: BrokenShape): Promise<void> => {
          await wire.break('describe', { fault: 'garble', shape });
          await expectEngineError(adapter.describe(workflow, ctx()), 'unknown', 'timeout', 'unavailable');
        };
        await forEachShape(world, 'describe', check, ['other-key']);
      },
    },
  ],
};
