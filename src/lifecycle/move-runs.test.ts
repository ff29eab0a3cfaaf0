import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Db, Statement } from '../platform/database.js';
import { moveRuns, type Move } from './move-runs.js';
import type { RunRecord } from './run-record.js';
import { readRunRecords } from './run-store.js';

const RUNS = 3_000;

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.query({
    text: `WITH workflow AS (
             INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
             VALUES ('p', 't', 1, 'e', 'native', '', '', 'READY') RETURNING id
           ), run AS (
             INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq)
             SELECT 'p', workflow.id, 'e', 'token-' || n, 'PENDING', 1 FROM workflow, generate_series(1, $1) n RETURNING id
           ) INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, 'key-' || id, 'submit' FROM run`,
    values: [RUNS],
  });
  await db.database.query({ text: 'ANALYZE' });
});
afterAll(() => db.drop());

test('runs that are moved are looked up by themselves: no table is read for them', async () => {
  const { rows } = await db.database.query<{ id: number }>({
    text: 'SELECT id FROM workflow_runs ORDER BY id LIMIT 8',
  });
  const runs = await readRunRecords(
    db.database,
    rows.map((row) => row.id),
  );
  const plans: string[] = [];
  const explained: Db = {
    query: async <Row>({ text, values = [] }: Statement) => {
      const plan = await db.database.query({ text: `EXPLAIN (FORMAT JSON) ${text}`, values });
      plans.push(JSON.stringify(plan.rows));
      return db.database.query<Row>({ text, values });
    },
  };
  const moves = runs.map((run) => ({ before: run, after: { ...run, failures: 1 }, events: [] }));
  expect([...(await moveRuns(explained, moves))]).toEqual(moves);
  expect(plans).toHaveLength(1);
  expect(plans[0]).not.toContain('"Seq Scan"');
});

test('of two holders of one run in one statement only the one who knows it as it is has written', async () => {
  const run = await changedRun();
  const [late, current] = [moveFrom(run, run.version - 1, 'late'), moveFrom(run, run.version, 'current')];
  expect([...(await moveRuns(db.database, [late, current]))]).toEqual([current]);
  expect(await written(run)).toEqual({ externalId: 'current', reasons: ['current'] });
});

test('of two who know one run as it is, in one statement, one has written', async () => {
  const run = await changedRun();
  const [first, second] = [moveFrom(run, run.version, 'first'), moveFrom(run, run.version, 'second')];
  expect([...(await moveRuns(db.database, [first, second]))]).toEqual([first]);
  expect(await written(run)).toEqual({ externalId: 'first', reasons: ['first'] });
});

/** The last run, without events, as somebody has just left it. */
async function changedRun(): Promise<RunRecord> {
  const { rows } = await db.database.query<{ id: number }>({
    text: `UPDATE workflow_runs SET version = version + 1 WHERE id = (SELECT max(id) FROM workflow_runs) RETURNING id`,
  });
  const [run] = await readRunRecords(db.database, [rows[0]?.id ?? 0]);
  if (!run) throw new Error('no run');
  await db.database.query({ text: 'DELETE FROM lifecycle_events WHERE workflow_run_id = $1', values: [run.id] });
  return run;
}

/** One that leaves `mark` in the execution and in an event. */
function moveFrom(run: RunRecord, version: number, mark: string): Move {
  const event = { from: run.state, to: run.state, generation: 1, source: 'adapter', actor: null } as const;
  return {
    before: { ...run, version },
    after: { ...run, execution: { ...run.execution, externalId: mark } },
    events: [{ ...event, type: 'STATE', reason: mark }],
  };
}

async function written({ id }: RunRecord): Promise<{ externalId: string | null | undefined; reasons: string[] }> {
  const [after] = await readRunRecords(db.database, [id]);
  const { rows } = await db.database.query<{ reason: string }>({
    text: 'SELECT reason FROM lifecycle_events WHERE workflow_run_id = $1',
    values: [id],
  });
  return { externalId: after?.execution.externalId, reasons: rows.map((row) => row.reason) };
}
