import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Db, Statement } from '../platform/database.js';
import { moveRuns } from './move-runs.js';
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
  const moved = await moveRuns(
    explained,
    runs.map((run) => ({ before: run, after: { ...run, failures: 1 }, events: [] })),
  );
  expect([...moved].sort()).toEqual(runs.map((run) => run.id).sort());
  expect(plans).toHaveLength(1);
  expect(plans[0]).not.toContain('"Seq Scan"');
});
