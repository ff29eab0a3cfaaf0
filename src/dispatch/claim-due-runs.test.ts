import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { storePlainRun, storePlainWorkflow } from '../../test/support/plain-workflow.js';
import { readRunRecord, readSubmissionParts } from '../lifecycle/run-store.js';
import { moveRuns } from '../lifecycle/move-runs.js';
import { claimDueRuns } from './claim-due-runs.js';

const LEASE_MS = 15_000;

let db: TestDatabase;
const workflows = new Map<string, number>();

beforeAll(async () => {
  db = await createTestDatabase();
  for (const project of ['a', 'b', 'c']) {
    workflows.set(project, await storePlainWorkflow(db.database, project));
  }
});
afterAll(() => db.drop());
beforeEach(() => db.database.query({ text: 'DELETE FROM workflow_runs' }));

async function due(project: string, runs: number): Promise<void> {
  for (let run = 0; run < runs; run++) {
    await storePlainRun(db.database, { project, workflowId: workflows.get(project) ?? 0 });
  }
}

const claim = (limit: number): ReturnType<typeof claimDueRuns> => claimDueRuns(db.database, 'e', limit, LEASE_MS);

test('projects are served in turn: a backlog of one does not delay the others', async () => {
  await due('a', 50);
  await due('b', 1);
  await due('c', 1);
  const { runs } = await claim(4);
  expect(runs.map(({ run }) => run.project).sort()).toEqual(['a', 'a', 'b', 'c']);
});

test('two claims at once share the due runs and never the same one', async () => {
  await due('a', 20);
  const claims = await Promise.all(Array.from({ length: 4 }, () => claim(10)));
  const ids = claims.flatMap(({ runs }) => runs.map(({ run }) => run.id));
  expect(new Set(ids).size).toBe(ids.length);
  const rest = await claim(20);
  expect(ids.length + rest.runs.length).toBe(20);
});

test('a claimed run is free again when its lease has ended, and the old holder writes nothing', async () => {
  await due('a', 1);
  const held = (await claimDueRuns(db.database, 'e', 1, 1)).runs[0]?.run;
  if (!held) throw new Error('nothing was claimed');
  await db.database.query({ text: 'SELECT pg_sleep(0.01)' });
  const taken = (await claim(1)).runs[0]?.run;
  expect(taken?.id).toBe(held.id);
  const late = await moveRuns(db.database, [{ before: held, after: { ...held, stateReason: 'late' }, events: [] }]);
  expect(late.size).toBe(0);
  expect((await readRunRecord(db.database, held.id))?.stateReason).toBeNull();
});

test('a run under a lease is not claimed, even when a request made it due', async () => {
  await due('a', 1);
  await claim(1);
  await db.database.query({ text: 'UPDATE workflow_runs SET next_action_at = now()' });
  expect((await claim(1)).runs).toEqual([]);
});

test('runs that are not due yet, or of another engine, stay', async () => {
  await due('a', 2);
  await db.database.query({ text: `UPDATE workflow_runs SET next_action_at = now() + interval '1 hour'` });
  expect((await claim(10)).runs).toEqual([]);
  expect((await claimDueRuns(db.database, 'other', 10, LEASE_MS)).runs).toEqual([]);
});

test('what a first submit carries comes with the claim; a run that may be on its engine comes without', async () => {
  const content = { parameters: { day: '2026-03-01' }, labels: [{ key: 'team', value: 'blue' }] };
  const create = (): Promise<number> =>
    storePlainRun(db.database, { project: 'a', workflowId: workflows.get('a') ?? 0, ...content });
  const [sent, fresh] = [await create(), await create()];
  await db.database.query({
    text: `UPDATE workflow_executions SET outcome = 'in_flight' WHERE workflow_run_id = $1`,
    values: [sent],
  });
  const parts = new Map((await claim(10)).runs.map((due) => [due.run.id, due.parts]));
  expect(parts.get(fresh)).toMatchObject({ ...content, definitionFormat: 'native' });
  expect(parts.get(fresh)).toEqual((await readSubmissionParts(db.database, [fresh])).get(fresh));
  expect(parts.get(sent)).toBeUndefined();
});
