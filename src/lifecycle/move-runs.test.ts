import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Db, Statement } from '../platform/database.js';
import { moveRuns, type Move } from './move-runs.js';
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
  const { rows } = await db.database.query<{ id: number }>({
    text: `UPDATE workflow_runs SET version = version + 1 WHERE id = (SELECT max(id) FROM workflow_runs) RETURNING id`,
  });
  const [run] = await readRunRecords(db.database, [rows[0]?.id ?? 0]);
  if (!run) throw new Error('no run');
  const event = { from: run.state, to: run.state, generation: 1, source: 'adapter', actor: null } as const;
  const moveFrom = (version: number, externalId: string): Move => ({
    before: { ...run, version },
    after: { ...run, execution: { ...run.execution, externalId } },
    events: [{ ...event, type: 'STATE', reason: externalId }],
  });
  const [late, current] = [moveFrom(run.version - 1, 'late'), moveFrom(run.version, 'current')];
  expect([...(await moveRuns(db.database, [late, current]))]).toEqual([current]);
  const [after] = await readRunRecords(db.database, [run.id]);
  expect(after?.execution.externalId).toBe('current');
  const events = await db.database.query({
    text: 'SELECT reason FROM lifecycle_events WHERE workflow_run_id = $1',
    values: [run.id],
  });
  expect(events.rows).toEqual([{ reason: 'current' }]);
});
