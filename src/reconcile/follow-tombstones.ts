import { EngineError } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef } from '../../adapters/spi/facts.js';
import type { Engine } from '../engines/engines.js';
import type { Db } from '../platform/database.js';
import type { Log } from '../platform/log.js';

interface Tombstone {
  runId: number;
  generation: number;
  key: string;
  workflowId: number;
  title: string;
  version: number;
}

/**
 * Executions we gave up without the engine's word are looked for until their tombstone ends: a late arrival is cancelled on
 * sight and listed as drift; the state of the run does not move. Returns how many surfaced.
 */
export async function followTombstones(db: Db, engine: Engine, log: Log): Promise<number> {
  const { rows } = await db.query<Tombstone>({
    name: 'read-tombstones',
    text: `SELECT e.workflow_run_id AS "runId", e.generation, e.key, w.id AS "workflowId", w.title, w.version
           FROM workflow_executions e
           JOIN workflow_runs r ON r.id = e.workflow_run_id JOIN workflows w ON w.id = r.workflow_id
           WHERE e.tombstone_until > now() AND r.workflow_engine = $1
           ORDER BY e.tombstone_until LIMIT 1000`,
    values: [engine.name],
  });
  if (rows.length === 0) return 0;
  const byKey = new Map(rows.map((row) => [row.key, row]));
  const refs = rows.map(toRef);
  let surfaced = 0;
  try {
    const options = { class: 'reconcile' } as const;
    const seen = await engine.gateway.call('observeMany', options, (adapter, ctx) => adapter.observeMany(refs, ctx));
    for (const observation of seen) {
      const tombstone = byKey.get(observation.key);
      if (observation.presence !== 'present' || !tombstone) continue;
      surfaced += 1;
      const ref = { ...toRef(tombstone), externalId: observation.externalId };
      await engine.gateway.call('cancel', { class: 'intent' }, (adapter, ctx) => adapter.cancel(ref, 'graceful', ctx));
      await buryAgain(db, engine.name, tombstone, observation.externalId, observation.engineState);
      log.warn(
        { workflow_run_id: tombstone.runId, engine: engine.name },
        'a given-up execution surfaced and was cancelled',
      );
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn({ engine: engine.name, code: error.code }, 'given-up executions could not be looked for');
  }
  return surfaced;
}

function toRef(row: Tombstone): ExecutionRef {
  return { key: row.key, workflow: { id: String(row.workflowId), title: row.title, version: row.version } };
}

async function buryAgain(db: Db, engine: string, row: Tombstone, externalId: string, word: string): Promise<void> {
  await db.query({
    text: `WITH buried AS (
             UPDATE workflow_executions SET external_id = $4, tombstone_until = NULL
             WHERE workflow_run_id = $2 AND generation = $3)
           INSERT INTO drift (workflow_engine, kind, workflow_run_id, external_id, detail)
           VALUES ($1, 'late-execution', $2, $4, $5)
           ON CONFLICT (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, ''))
             WHERE resolved_at IS NULL DO UPDATE SET last_seen_at = now()`,
    values: [
      engine,
      row.runId,
      row.generation,
      externalId,
      `surfaced as ${word} after it had been given up; cancelled`,
    ],
  });
}
