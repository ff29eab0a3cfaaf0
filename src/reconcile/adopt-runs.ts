import { bornKey, type BornExecution } from '../../adapters/spi/born.js';
import type { Engine } from '../engines/engines.js';
import { newRunToken } from '../lifecycle/run-key.js';
import { PARAMETERS_LIMIT_BYTES } from '../lifecycle/parameters-limit.js';
import type { Db } from '../platform/database.js';
import { jsonbTextBytes } from '../platform/jsonb-text-bytes.js';
import { storableJson } from '../platform/storable-json.js';

/**
 * Makes workflow runs of executions that began on the engine, in one statement; returns how many were new. The identity of
 * an execution is claimed by its insert: of many processes that see it, one writes the run, with everything that belongs to
 * it or nothing. From then on it is a run like any other: due at once, to be observed.
 *
 * A version that is archived meanwhile adopts nothing, and waits for nobody.
 */
export async function adoptRuns(
  db: Db,
  engine: Engine,
  born: readonly { execution: BornExecution; workflowId: number }[],
): Promise<number> {
  if (born.length === 0) return 0;
  const { rowCount } = await db.query({
    name: 'adopt-runs',
    text: ADOPT,
    values: [
      engine.name,
      storableJson(born.map(({ execution, workflowId }) => toRow(execution, workflowId))),
      engine.epoch ?? engine.lastEpoch ?? null,
    ],
  });
  return rowCount;
}

function toRow(execution: BornExecution, workflowId: number): Record<string, unknown> {
  const token = newRunToken();
  const { externalId, engineUid, engineUrl, parameters } = execution;
  // A run is followed whatever it was started with.
  const fits = jsonbTextBytes(parameters) <= PARAMETERS_LIMIT_BYTES;
  return {
    identity: engineUid ?? externalId,
    external_id: externalId,
    engine_uid: engineUid ?? null,
    engine_url: engineUrl ?? null,
    workflow_id: workflowId,
    token,
    key: bornKey(token),
    parameters: fits ? parameters : {},
  };
}

const ADOPT = `
WITH wanted AS (
  SELECT DISTINCT ON (w.identity) w.*, v.project FROM jsonb_to_recordset($2::jsonb) AS w(
    identity text, external_id text, engine_uid text, engine_url text, workflow_id bigint, token text, key text, parameters jsonb)
  JOIN (
    SELECT id, project FROM workflows WHERE archived_at IS NULL
      AND id IN (SELECT n.workflow_id FROM jsonb_to_recordset($2::jsonb) AS n(workflow_id bigint)) FOR SHARE
  ) v ON v.id = w.workflow_id
  ORDER BY w.identity
), claimed AS (
  -- In one order, so that two processes never wait for each other in a circle.
  INSERT INTO adopted_executions (workflow_engine, engine_uid, token) SELECT $1, identity, token FROM wanted ORDER BY identity
  ON CONFLICT (workflow_engine, engine_uid) DO NOTHING
  RETURNING token
), run AS (
  INSERT INTO workflow_runs
    (project, workflow_id, workflow_engine, token, origin, parameters, state, event_seq, submitted_at, engine_url, next_action_at)
  SELECT w.project, w.workflow_id, $1, w.token, 'engine', w.parameters, 'SCHEDULED', 1, clock_timestamp(), w.engine_url, now()
  FROM wanted w JOIN claimed USING (token)
  RETURNING id, token
), execution AS (
  -- As if the call that made it had just been answered: then it is looked at soon.
  INSERT INTO workflow_executions (workflow_run_id, generation, key, verb, outcome, first_attempted_at, attempted_at,
    external_id, engine_uid, engine_epoch)
  SELECT run.id, 1, w.key, 'submit', 'known', now(), now(), w.external_id, w.engine_uid, $3
  FROM run JOIN wanted w USING (token)
), recorded AS (
  INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source, reason)
  SELECT id, 1, 'CREATED', 'SCHEDULED', 1, 'engine', 'adopted' FROM run
)
SELECT id FROM run`;
