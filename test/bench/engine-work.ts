/** What the figures about a worker share: the scripted engine, the service with its adapter, and their environment. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import type { Database } from '../../src/platform/database.js';
import { storeWorkflow } from '../../src/workflows/store-workflow.js';
import { TITLE } from './seed-runs.js';

export const ENGINE = 'se';
/** Runs that go on until somebody ends them: nothing but their dispatch is measured. */
const DEFINITION = JSON.stringify({ tasks: [{ id: 'only', duration_ms: 'hold' }] });

export interface WorkFolder {
  env: Record<string, string>;
  remove(): Promise<void>;
}

/** The environment of a service that knows the scripted engine at `engineUrl`. */
export async function workFolder(databaseUrl: string, engineUrl: string): Promise<WorkFolder> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-bench-work-'));
  const file = join(home, 'engines.yaml');
  const engine = { name: ENGINE, kind: scriptedEngineKind.kind, callsPerSecond: 10_000 };
  const options = { url: engineUrl, registers: 'at-once' };
  await writeFile(file, JSON.stringify({ engines: [{ ...engine, options }] }));
  const env = { DATABASE_URL: databaseUrl, DATA_DIR: home, ENGINES_FILE: file, LOG_LEVEL: 'error' };
  return { env, remove: () => rm(home, { recursive: true, force: true }) };
}

/** A workflow of the scripted engine; returns its id. */
export async function seedScriptedWorkflow(database: Database): Promise<number> {
  const { id } = await database.transaction((db) =>
    storeWorkflow(db, {
      project: 'default',
      title: TITLE,
      engine: ENGINE,
      format: 'native',
      definition: DEFINITION,
      workflowParameters: [],
      parameterSchemas: {},
      labels: [],
      diagnostics: [],
      graph: { tasks: [{ title: 'only', downstream: [] }] },
    }),
  );
  return id;
}

/** Runs as a POST leaves them. */
export async function seedBacklog(database: Database, workflowId: number, count: number): Promise<void> {
  const tokens = Array.from({ length: count }, newRunToken);
  await database.query({
    text: `
      WITH run AS (
        INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq, next_action_at)
        SELECT 'default', $1, $2, token, 'PENDING', 1, date_trunc('milliseconds', now()) FROM unnest($3::text[]) AS token RETURNING id, token
      ), executed AS (
        INSERT INTO workflow_executions (workflow_run_id, generation, key, verb)
        SELECT run.id, 1, given.key, 'submit' FROM run JOIN unnest($3::text[], $4::text[]) AS given(token, key) USING (token)
      )
      INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source)
      SELECT id, 1, 'CREATED', 'PENDING', 1, 'client' FROM run`,
    values: [workflowId, ENGINE, tokens, tokens.map((token) => runKey(token, 1))],
  });
  await database.query({ text: 'VACUUM ANALYZE' });
}
