import { expect } from '@jest/globals';
import { bornKey } from '../../spi/born.js';
import type { BornExecution } from '../../spi/born.js';
import type { ExecutionRef } from '../../spi/facts.js';
import type { BrokenShape } from '../broken-shapes.js';
import type { CaseBook, World } from '../conformance-case.js';
import { baselineOf, expectEngineError, forEachShape, taskStates } from '../expectations.js';
import type { FixtureName } from '../fixtures.js';
import { arranged } from '../harness.js';
import { newKey, referenceTo } from '../world.js';
import { newName } from './discover.js';
import { declared } from './retry.js';

const EVER = new Date(0);

/** Every page. */
async function listAll(world: World, references: string[], endedSince = EVER): Promise<BornExecution[]> {
  const listBorn = declared(world.adapter, 'listBorn');
  const found: BornExecution[] = [];
  let cursor: string | undefined;
  do {
    const page = await listBorn({ references, endedSince, ...(cursor === undefined ? {} : { cursor }) }, world.ctx());
    found.push(...page.executions);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

/** A workflow of people, and a run that one of them started, as the service refers to it. */
async function begun(world: World, fixture: FixtureName): Promise<{ reference: string; ref: ExecutionRef }> {
  const people = arranged(world.harness.people);
  const reference = await people.offer(fixture, newName());
  const externalId = await people.start(reference);
  const listed = (await listAll(world, [reference])).find((one) => one.externalId === externalId);
  if (!listed) throw new Error(`${externalId} is not listed`);
  const { id, title, version } = referenceTo(reference);
  const ref: ExecutionRef = {
    key: bornKey(newKey().slice(3, 29)),
    workflow: { id, title, version, reference },
    externalId,
    ...(listed.engineUid === undefined ? {} : { engineUid: listed.engineUid }),
  };
  return { reference, ref };
}

export const BORN_CASES: Pick<CaseBook, 'listBorn'> = {
  listBorn: [
    {
      name: 'shows a run that somebody started, while it is active and after its end',
      needs: ['people'],
      run: async (world) => {
        const { reference, ref } = await begun(world, 'sleeping');
        const [active] = await listAll(world, [reference, newName()]);
        expect(active).toMatchObject({ reference, externalId: ref.externalId, engineState: expect.any(String) });
        expect(active).not.toHaveProperty('endedAt');
        await world.until(ref, 'it runs', ({ phase }) => phase === 'running');
        await world.adapter.cancel(ref, 'force', world.ctx());
        const { finishedAt } = await world.ended(ref);
        if (world.harness.tellsOnlyActive === true) return;
        const [ended] = await listAll(world, [reference]);
        expect(ended).toMatchObject({ externalId: ref.externalId, endedAt: finishedAt });
        const later = new Date((finishedAt?.getTime() ?? 0) + 60_000);
        expect(await listAll(world, [reference], later)).toEqual([]);
      },
    },
    {
      name: 'leaves out what Signalbox submitted, and the runs of other workflows',
      needs: ['people'],
      run: async (world) => {
        const { reference, ref } = await begun(world, 'linear');
        const other = await begun(world, 'linear');
        const sent = world.submission(referenceTo(reference));
        expect((await world.adapter.submit(sent, world.ctx())).outcome).toBe('accepted');
        const listed = (await listAll(world, [reference])).map(({ externalId }) => externalId);
        expect(listed.filter((id) => id !== ref.externalId)).toEqual([]);
        for (const one of [sent.ref, ref, other.ref]) await world.ended(one);
      },
    },
    {
      name: 'leads to an execution that is observed under our key, by itself and among others',
      needs: ['people'],
      run: async (world) => {
        const { ref } = await begun(world, 'diamond');
        const ours = await world.start('linear');
        const facts = await world.ended(ref);
        expect(facts).toMatchObject({ key: ref.key, externalId: ref.externalId, phase: 'succeeded' });
        expect(taskStates(facts)).toEqual({
          top: 'COMPLETED',
          left: 'COMPLETED',
          right: 'COMPLETED',
          bottom: 'COMPLETED',
        });
        await world.ended(ours.ref);
        const many = await world.adapter.observeMany([ours.ref, ref], world.ctx());
        expect(many.map(({ key }) => key)).toEqual([ours.ref.key, ref.key]);
        expect(many[0]).toMatchObject({ presence: 'present', phase: 'succeeded' });
        // A list may lack it; it never says that it is not there.
        expect(many[1]?.presence).not.toBe('absent');
      },
    },
    {
      name: 'leads to an execution that is retried in place, where the engine can',
      needs: ['people'],
      run: async (world) => {
        const { retry } = world.adapter;
        if (!retry) return;
        const { ref } = await begun(world, 'failing');
        const failed = await world.ended(ref);
        expect(failed.phase).toBe('failed');
        const outcome = await retry(ref, baselineOf(failed), world.ctx());
        expect(outcome).toMatchObject({ outcome: 'accepted' });
        await world.until(ref, 'it is another attempt', ({ baseline }) => baseline !== failed.baseline);
        expect((await world.ended(ref)).key).toBe(ref.key);
      },
    },
    {
      name: 'refuses a cursor that is none of its own',
      run: async ({ adapter, ctx }) => {
        const listBorn = declared(adapter, 'listBorn');
        const request = { references: ['a'], endedSince: EVER, cursor: '*** no cursor ***' };
        await expectEngineError(listBorn(request, ctx()), 'rejected');
      },
    },
    {
      name: 'believes no broken answer, and takes no 404 of a proxy for an empty list',
      wire: true,
      needs: ['people'],
      run: async (world) => {
        const listBorn = declared(world.adapter, 'listBorn');
        const reference = await arranged(world.harness.people).offer('linear', newName());
        const request = { references: [reference], endedSince: EVER };
        await world.wire.break('listBorn', { fault: 'answer', status: 404, body: '<html>sorry</html>' });
        await expectEngineError(listBorn(request, world.ctx()), 'unknown');
        await world.wire.heal();
        const check = async (shape: BrokenShape): Promise<void> => {
          await world.wire.break('listBorn', { fault: 'garble', shape });
          await expectEngineError(listBorn(request, world.ctx()), 'unknown', 'timeout');
        };
        await forEachShape(world, 'listBorn', check, ['other-key']);
      },
    },
  ],
};
