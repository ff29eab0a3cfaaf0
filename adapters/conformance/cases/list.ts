import { expect } from '@jest/globals';
import type { ListedExecution } from '../../spi/engine-adapter.js';
import type { CaseBook, World } from '../conformance-case.js';
import { expectEngineError, forEachShape } from '../expectations.js';
import { arranged } from '../harness.js';
import { INSTALLATION_ID } from '../world.js';
import { declared } from './retry.js';

/** Every page from `since` on. */
async function listAll({ adapter, ctx }: World, since: Date): Promise<ListedExecution[]> {
  const list = declared(adapter, 'list');
  const listed: ListedExecution[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ since, ...(cursor === undefined ? {} : { cursor }) }, ctx());
    listed.push(...page.executions);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return listed;
}

export const LIST_CASES: Pick<CaseBook, 'list'> = {
  list: [
    {
      name: 'shows an execution with its key, its installation and the time of its creation, ended or not',
      run: async (world) => {
        const ended = await world.start('linear');
        await world.ended(ended.ref);
        const active = await world.start('sleeping');
        const listed = await listAll(world, new Date(0));
        for (const { ref } of [ended, active]) {
          expect(listed.filter(({ key }) => key === ref.key)).toEqual([
            {
              key: ref.key,
              externalId: ref.externalId,
              installationId: INSTALLATION_ID,
              engineState: expect.any(String),
              createdAt: expect.any(Date),
            },
          ]);
        }
        await world.adapter.cancel(active.ref, 'force', world.ctx());
        await world.ended(active.ref);
      },
    },
    {
      name: 'goes from the oldest to the newest, and begins with what was made at `since`',
      run: async (world) => {
        const runs = [await world.start('linear'), await world.start('linear'), await world.start('linear')];
        for (const { ref } of runs) await world.ended(ref);
        const keys = runs.map(({ ref }) => ref.key);
        const listed = (await listAll(world, new Date(0))).filter(({ key }) => keys.includes(key));
        const times = listed.map(({ createdAt }) => createdAt.getTime());
        expect(times).toEqual([...times].sort((a, b) => a - b));
        // An engine that counts in seconds tells no order within one.
        const inTurn = [...listed].sort(
          (a, b) => a.createdAt.getTime() - b.createdAt.getTime() || keys.indexOf(a.key) - keys.indexOf(b.key),
        );
        expect(inTurn.map(({ key }) => key)).toEqual(keys);
        const second = listed[1]?.createdAt ?? new Date(0);
        const later = (await listAll(world, second)).map(({ key }) => key);
        expect(later).toEqual(expect.arrayContaining(keys.slice(1)));
        const next = new Date((listed[2]?.createdAt.getTime() ?? 0) + 1);
        expect((await listAll(world, next)).map(({ key }) => key)).not.toContain(keys[0]);
      },
    },
    {
      name: 'shows what another process submitted, and no longer what is gone',
      needs: ['forget'],
      run: async (world) => {
        const { ref } = await world.start('linear');
        await world.ended(ref);
        const other = await world.harness.connect();
        const seen = await listAll({ ...world, adapter: other }, new Date(0));
        expect(seen.map(({ key }) => key)).toContain(ref.key);
        await arranged(world.harness.forget)(ref);
        const left = await listAll({ ...world, adapter: other }, new Date(0));
        expect(left.map(({ key }) => key)).not.toContain(ref.key);
        await other.close();
      },
    },
    {
      name: 'shows each execution once, over page borders',
      wire: true,
      run: async (world) => {
        const count = world.adapter.capabilities.pageSize + 20;
        const workflow = await world.workflow('linear');
        const keys = new Set<string>();
        for (let run = 0; run < count; run++) {
          const submission = world.submission(workflow);
          await world.adapter.submit(submission, world.ctx());
          keys.add(submission.ref.key);
        }
        const listed = (await listAll(world, new Date(0))).filter(({ key }) => keys.has(key));
        expect(listed).toHaveLength(count);
        expect(new Set(listed.map(({ key }) => key))).toEqual(keys);
      },
    },
    {
      name: 'names the installation of an execution that is not ours',
      wire: true,
      run: async (world) => {
        const { ref } = world.submission(await world.workflow('linear'));
        await world.wire.plantForeign(ref.key);
        const listed = (await listAll(world, new Date(0))).filter(({ key }) => key === ref.key);
        expect(listed).toHaveLength(1);
        expect(listed[0]?.installationId).not.toBe(INSTALLATION_ID);
      },
    },
    {
      name: 'does not take an answer it cannot read, or the 404 of a proxy, for an empty list',
      wire: true,
      run: async (world) => {
        const list = declared(world.adapter, 'list');
        await world.ended((await world.start('linear')).ref);
        await forEachShape(
          world,
          'list',
          async (shape) => {
            await world.wire.break('list', { fault: 'garble', shape });
            await expectEngineError(list({ since: new Date(0) }, world.ctx()), 'unknown');
          },
          // Whose executions a list shows is for the reader to say.
          ['other-key'],
        );
        await world.wire.break('list', { fault: 'answer', status: 404, body: 'no such page' });
        await expectEngineError(list({ since: new Date(0) }, world.ctx()), 'unknown', 'unavailable', 'not-found');
      },
    },
  ],
};
