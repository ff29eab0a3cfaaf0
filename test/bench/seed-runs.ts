import { parseDefinition } from '../../definition/parse-definition.js';
import { toTaskGraph } from '../../definition/task-graph.js';
import type { Db, Database } from '../../src/platform/database.js';
import { storeWorkflow } from '../../src/workflows/store-workflow.js';

export const TITLE = 'bench';
/** Values of the labels `team` and `stage`: each run has one of either, in turn. */
export const TEAMS = ['team-0', 'team-1', 'team-2', 'team-3', 'team-4'];
export const STAGES = ['stage-0', 'stage-1', 'stage-2'];

const DEFINITION = JSON.stringify({
  apiVersion: 'signalbox/v1',
  kind: 'Workflow',
  name: TITLE,
  params: { dataset: { type: 'string' }, limit: { type: 'integer', default: 10 } },
  tasks: { only: { run: 'true' } },
});

/** A workflow of the local engine; returns its id. */
export async function seedWorkflow(database: Database): Promise<number> {
  const parsed = parseDefinition(DEFINITION);
  if (!parsed.ok) throw new Error('the definition of the benchmark is wrong');
  const { definition } = parsed;
  const { id } = await database.transaction((db) =>
    storeWorkflow(db, {
      project: 'default',
      title: TITLE,
      engine: 'local',
      format: 'signalbox/v1',
      definition: DEFINITION,
      workflowParameters: [],
      parameterSchemas: definition.params,
      labels: [],
      diagnostics: [],
      graph: toTaskGraph(definition),
    }),
  );
  return id;
}

/**
 * Ended runs with parameters, three labels, three events and the answer to a key each, as the service would have left them. Without
 * the answers a POST would be planned for no keys at all, and read all there are by now.
 */
export async function seedRuns(db: Db, workflowId: number, count: number): Promise<void> {
  await db.query({
    text: `
      INSERT INTO labels (project, key, value)
      SELECT 'default', 'team', unnest($1::text[]) UNION ALL
      SELECT 'default', 'stage', unnest($2::text[]) UNION ALL
      SELECT 'default', 'owner', 'owner-' || i FROM generate_series(0, 99) i`,
    values: [TEAMS, STAGES],
  });
  await db.query({
    text: `
      WITH run AS (
        INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, parameters, state, version, event_seq,
          observed, observed_ticket, observed_at, tasks_observed_at, created_at, updated_at, submitted_at, started_at,
          finished_at)
        SELECT 'default', $1::bigint, 'local', substr(translate(md5(i::text) || md5('x' || i), '0189', 'wxyz'), 1, 26),
          jsonb_build_object('dataset', 's3://bucket/part-' || i, 'limit', i % 100), 'COMPLETED', 4, 3,
          '{"phase":"succeeded"}', i, at, at, at, at, at, at, at
        FROM generate_series(1, $2::integer) i, LATERAL (SELECT now() - ($2::integer - i) * interval '1 second' AS at) t
        RETURNING id, token, created_at
      ), executed AS (
        INSERT INTO workflow_executions (workflow_run_id, generation, key, verb, outcome, external_id, ended_at)
        SELECT id, 1, 'sb-' || token || '-1', 'submit', 'known', 'local-' || id, created_at FROM run
      ), recorded AS (
        INSERT INTO lifecycle_events (workflow_run_id, seq, type, from_state, to_state, generation, source, at)
        SELECT id, e.seq, e.type, e.from_state, e.to_state, 1, 'engine', created_at FROM run, (VALUES
          (1, 'CREATED', NULL, 'PENDING'), (2, 'STATE', 'PENDING', 'RUNNING'), (3, 'STATE', 'RUNNING', 'COMPLETED')
        ) AS e(seq, type, from_state, to_state)
      ), answered AS (
        INSERT INTO idempotency_keys (project, key, fingerprint, status, location, body, created_at)
        SELECT 'default', 'seed-' || id, md5(token), 201, '/v1/workflow-runs/' || id, json_build_object('id', id, 'token', token), created_at
        FROM run
      )
      INSERT INTO workflow_run_labels (label_id, workflow_run_id)
      SELECT l.id, run.id FROM run JOIN labels l ON (l.key, l.value) IN (
        ('team', 'team-' || run.id % 5), ('stage', 'stage-' || run.id % 3), ('owner', 'owner-' || run.id % 100))`,
    values: [workflowId, count],
  });
  await db.query({ text: 'VACUUM ANALYZE' });
}
