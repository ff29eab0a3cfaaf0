import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { MAX_CANDIDATES } from '../labels/label-selector-sql.js';
import { parseLabelSelector } from '../labels/label-selector.js';
import type { Db, Statement } from '../platform/database.js';
import { listRuns } from './runs-store.js';

const RUNS = 1_400;
const VALUES = 1_300;

/** A project that is nearly all there is: a planner then takes the order of the page for the cheapest way to it. */
let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.query({
    text: `WITH workflow AS (
             INSERT INTO workflows (project, title, version, workflow_engine, definition_format, definition, definition_digest, registration_state)
             VALUES ('default', 'etl', 1, 'local', 'native', '', '', 'READY') RETURNING id
           ), label AS (
             INSERT INTO labels (project, key, value)
             SELECT 'default', 'many', 'v' || n FROM generate_series(0, $2::integer - 1) n RETURNING id, value
           ), run AS (
             INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq, created_at)
             SELECT 'default', workflow.id, 'local', 'token-' || n, 'PENDING', 1, now() + n * interval '1 second'
             FROM workflow, generate_series(1, $1::integer) n RETURNING id
           ), executed AS (
             INSERT INTO workflow_executions (workflow_run_id, generation, key, verb) SELECT id, 1, 'key-' || id, 'submit' FROM run
           ) INSERT INTO workflow_run_labels (label_id, workflow_run_id)
             SELECT label.id, run.id FROM run JOIN label ON label.value = 'v' || run.id % $2::integer`,
    values: [RUNS, VALUES],
  });
  await db.database.query({ text: 'ANALYZE' });
});
afterAll(() => db.drop());

describe('a page by the time of creation', () => {
  const several = Array.from({ length: 300 }, (_, n) => `v${n}`).join(',');
  test.each([
    { reason: 'a key that nobody has', selector: 'nokey' },
    { reason: 'a key that all have, refused', selector: '!many' },
    { reason: 'wanted and refused', selector: 'many,!many' },
    { reason: 'one value', selector: 'many=v7' },
    { reason: 'three hundred values', selector: `many in (${several})` },
  ])('looks at each candidate once: $reason', async ({ selector }) => {
    const parsed = parseLabelSelector(selector);
    if (!parsed.ok) throw new Error(parsed.message);
    let blocks = 0;
    const explained: Db = {
      query: async <Row>({ text, values = [] }: Statement) => {
        const plan = await db.database.query({ text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values });
        const [, read] = /"Shared Hit Blocks":(\d+)/.exec(JSON.stringify(plan.rows)) ?? [];
        blocks = Number(read);
        return db.database.query<Row>({ text, values });
      },
    };
    await listRuns(explained, {
      project: 'default',
      filters: {},
      terms: parsed.terms,
      orderBy: 'created_at',
      direction: 'desc',
      limit: 50,
      skip: 0,
      staleAfterMs: 1_000,
    });
    expect(blocks).toBeGreaterThan(0);
    expect(blocks).toBeLessThan(20 * MAX_CANDIDATES);
  });
});
