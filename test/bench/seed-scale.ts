/** Millions of runs within minutes: each table is written without its indexes, which are made afterwards. */
import type { Database, Db } from '../../src/platform/database.js';
import { seedWorkflow } from './seed-runs.js';

/** Runs at the end of the table that are still going on, at most; of a small record a tenth. */
const ACTIVE = 10_000;

const TABLES = {
  workflow_runs: `
    INSERT INTO workflow_runs (id, project, workflow_id, workflow_engine, token, parameters, state, failure, version,
      event_seq, observed, observed_ticket, observed_at, tasks_observed_at, created_at, updated_at, submitted_at,
      started_at, finished_at)
    OVERRIDING SYSTEM VALUE
    SELECT i, 'default', $1::bigint, 'local', substr(translate(md5(i::text) || md5('x' || i), '0189', 'wxyz'), 1, 26),
      jsonb_build_object('dataset', 's3://bucket/part-' || i, 'limit', i % 100), state,
      CASE WHEN state = 'FAILED' THEN '{"code":"task-failed","message":"only"}'::jsonb END, 4, 3,
      '{"phase":"succeeded"}', i, at, at, at, at, at, at, CASE WHEN state <> 'RUNNING' THEN at END
    FROM (
      SELECT i, now() - ($2::integer - i) * interval '1 second' AS at,
        CASE WHEN i > $2::integer - least(${ACTIVE}, $2::integer / 10) THEN 'RUNNING'
          WHEN i % 100 = 0 THEN 'FAILED' WHEN i % 100 = 1 THEN 'CANCELLED' ELSE 'COMPLETED' END AS state
      FROM generate_series(1, $2::integer) i
    ) given`,
  workflow_executions: `
    INSERT INTO workflow_executions (workflow_run_id, generation, key, verb, outcome, external_id)
    SELECT i, 1, 'sb-' || md5(i::text) || '-g' || $1::bigint, 'submit', 'known', 'local-' || i
    FROM generate_series(1, $2::integer) i`,
  lifecycle_events: `
    INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source)
    SELECT i, 1, 'CREATED', 'PENDING', $1::bigint / $1::bigint, 'client' FROM generate_series(1, $2::integer) i`,
  // In the order of the runs, as they come to be.
  workflow_run_labels: `
    INSERT INTO workflow_run_labels (label_id, workflow_run_id)
    SELECT l.id, i FROM generate_series(1, $2::integer) i CROSS JOIN LATERAL (VALUES
      ('team', 'team-' || i % 5),
      ('half', CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END),
      ('age', CASE WHEN i <= $2::integer / 2 THEN 'old' ELSE 'new' END)
    ) AS given(key, value)
    JOIN labels l ON l.project = 'default' AND l.key = given.key AND l.value = given.value AND $1::bigint > 0`,
} as const;

type Table = keyof typeof TABLES;

/** `count` runs of one workflow, nearly all ended, with three labels each: two values of one key never meet on a run. */
export async function seedScale(database: Database, count: number): Promise<void> {
  const workflowId = await seedWorkflow(database);
  await database.query({
    text: `INSERT INTO labels (project, key, value) SELECT 'default', key, value FROM (VALUES
             ('team', 'team-0'), ('team', 'team-1'), ('team', 'team-2'), ('team', 'team-3'), ('team', 'team-4'),
             ('half', 'even'), ('half', 'odd'), ('age', 'old'), ('age', 'new')) AS given(key, value)`,
  });
  const tables = Object.keys(TABLES) as Table[];
  const made = await dropIndexes(database, tables);
  await Promise.all(
    tables.map((table) =>
      database.transaction(async (db) => {
        await db.query({ text: `TRUNCATE ${table}` });
        await db.query({ text: TABLES[table], values: [workflowId, count] });
        for (const text of made[table]) await db.query({ text });
      }),
    ),
  );
  for (const text of made.references) await database.query({ text });
  await database.query({ text: `SELECT setval(pg_get_serial_sequence('workflow_runs', 'id'), $1)`, values: [count] });
  for (const table of tables) await database.query({ text: `VACUUM ANALYZE ${table}` });
  await database.query({ text: 'VACUUM ANALYZE labels' });
}

/** Returns the statements that make them again, as the migrations did. Foreign keys come last and are not checked: the rows are ours. */
async function dropIndexes(db: Db, tables: Table[]): Promise<Record<Table | 'references', string[]>> {
  const { rows: constraints } = await db.query<{ table: Table; name: string; foreign: boolean; definition: string }>({
    text: `SELECT conrelid::regclass::text AS "table", conname AS name, contype = 'f' AS "foreign",
             pg_get_constraintdef(oid) AS definition
           FROM pg_constraint WHERE contype IN ('p', 'u', 'f')
             AND (conrelid = ANY($1::regclass[]) OR confrelid = ANY($1::regclass[])) ORDER BY contype = 'f' DESC`,
    values: [tables],
  });
  const { rows: indexes } = await db.query<{ table: Table; name: string; definition: string }>({
    text: `SELECT tablename AS "table", indexname AS name, indexdef AS definition FROM pg_indexes
           WHERE tablename = ANY($1) AND indexname NOT IN (SELECT conname FROM pg_constraint)`,
    values: [tables],
  });
  for (const { table, name } of constraints) await db.query({ text: `ALTER TABLE ${table} DROP CONSTRAINT ${name}` });
  for (const { name } of indexes) await db.query({ text: `DROP INDEX ${name}` });
  const again = (one: (typeof constraints)[number]): string =>
    `ALTER TABLE ${one.table} ADD CONSTRAINT ${one.name} ${one.definition}${one.foreign ? ' NOT VALID' : ''}`;
  const of = (table: Table): string[] => [
    ...constraints.filter((one) => !one.foreign && one.table === table).map(again),
    ...indexes.filter((one) => one.table === table).map((one) => one.definition),
  ];
  return {
    workflow_runs: of('workflow_runs'),
    workflow_executions: of('workflow_executions'),
    lifecycle_events: of('lifecycle_events'),
    workflow_run_labels: of('workflow_run_labels'),
    references: constraints.filter((one) => one.foreign).map(again),
  };
}
