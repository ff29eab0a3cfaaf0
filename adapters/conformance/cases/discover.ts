import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { EngineWorkflow } from '../../spi/discovery.js';
import type { BrokenShape } from '../broken-shapes.js';
import type { CaseBook, World } from '../conformance-case.js';
import { expectEngineError, forEachShape } from '../expectations.js';
import { arranged } from '../harness.js';
import { referenceTo } from '../world.js';
import { declared } from './retry.js';

/** Every page. */
async function discoverAll({ adapter, ctx }: World): Promise<EngineWorkflow[]> {
  const discover = declared(adapter, 'discover');
  const found: EngineWorkflow[] = [];
  let cursor: string | undefined;
  do {
    const page = await discover(cursor === undefined ? {} : { cursor }, ctx());
    found.push(...page.workflows);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

/** A name that nobody used before and every engine takes. */
export function newName(): string {
  return `people-${randomBytes(5).toString('hex')}`;
}

export const DISCOVER_CASES: Pick<CaseBook, 'discover'> = {
  discover: [
    {
      name: 'shows what people put there, with its name and its labels',
      needs: ['people'],
      run: async (world) => {
        const name = newName();
        const label = { key: 'tag', value: 'nightly' };
        await arranged(world.harness.people).offer('linear', name, label);
        const found = (await discoverAll(world)).filter((one) => one.name === name);
        expect(found).toHaveLength(1);
        expect(found[0]?.labels).toContainEqual(label);
      },
    },
    {
      name: 'leaves out what Signalbox put there',
      needs: ['people'],
      run: async (world) => {
        const name = newName();
        await arranged(world.harness.people).offer('linear', name);
        const before = (await discoverAll(world)).map(({ reference }) => reference).sort();
        expect(before.length).toBeGreaterThan(0);
        await world.workflow('linear', `conformance ${name}`);
        await world.adapter.sentinel(world.ctx());
        expect((await discoverAll(world)).map(({ reference }) => reference).sort()).toEqual(before);
      },
    },
    {
      name: 'shows each once, over page borders',
      needs: ['people'],
      run: async (world) => {
        const names = Array.from({ length: 120 }, newName);
        for (const name of names) await arranged(world.harness.people).offer('linear', name);
        const found = (await discoverAll(world)).map(({ name }) => name);
        expect(found.filter((name) => names.includes(name)).sort()).toEqual([...names].sort());
      },
    },
    {
      name: 'tells of one by its reference, with its parameters, and of none where there is none',
      needs: ['people'],
      run: async (world) => {
        const discover = declared(world.adapter, 'discover');
        const name = newName();
        const reference = await arranged(world.harness.people).offer('linear', name);
        const { workflows } = await discover({ reference }, world.ctx());
        expect(workflows).toEqual([expect.objectContaining({ reference, name, parameters: expect.any(Array) })]);
        expect(await discover({ reference: newName() }, world.ctx())).toEqual({ workflows: [] });
        expect(await discover({ reference: '*** no name ***' }, world.ctx())).toEqual({ workflows: [] });
      },
    },
    {
      name: 'gives references that can be registered and run',
      needs: ['people'],
      run: async (world) => {
        const { adapter, ctx, submission, ended } = world;
        const name = newName();
        await arranged(world.harness.people).offer('linear', name);
        const reference = (await discoverAll(world)).find((one) => one.name === name)?.reference ?? '';
        const workflow = referenceTo(reference);
        expect(await adapter.register(workflow, ctx())).toEqual({ state: 'READY' });
        expect((await adapter.describe(workflow, ctx())).tasks.map(({ title }) => title).sort()).toEqual([
          'first',
          'second',
          'third',
        ]);
        const sent = submission(workflow);
        expect((await adapter.submit(sent, ctx())).outcome).toBe('accepted');
        expect((await ended(sent.ref)).phase).toBe('succeeded');
      },
    },
    {
      name: 'refuses a cursor that is none of its own',
      run: async ({ adapter, ctx }) => {
        const discover = declared(adapter, 'discover');
        await expectEngineError(discover({ cursor: '*** no cursor ***' }, ctx()), 'rejected');
      },
    },
    {
      name: 'takes an unreachable engine, or the 404 of a proxy, for no empty list',
      wire: true,
      run: async ({ adapter, ctx, wire }) => {
        const discover = declared(adapter, 'discover');
        await wire.down();
        await expectEngineError(discover({}, ctx()), 'unavailable');
        await wire.heal();
        await wire.break('discover', { fault: 'answer', status: 404, body: '<html>sorry</html>' });
        await expectEngineError(discover({}, ctx()), 'unknown');
      },
    },
    {
      name: 'believes no broken answer',
      wire: true,
      run: async (world) => {
        const discover = declared(world.adapter, 'discover');
        const check = async (shape: BrokenShape): Promise<void> => {
          await world.wire.break('discover', { fault: 'garble', shape });
          await expectEngineError(discover({}, world.ctx()), 'unknown', 'timeout');
        };
        await forEachShape(world, 'discover', check, ['other-key']);
      },
    },
  ],
};
