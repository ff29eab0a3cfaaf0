import { EngineError } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef, Observation, PresentExecution } from '../../adapters/spi/facts.js';
import type { Engine } from '../engines/engines.js';
import { REFERENCE_SQL, toExecutionWorkflow } from '../lifecycle/execution-ref.js';
import type { Db } from '../platform/database.js';
import type { Log } from '../platform/log.js';

interface Tombstone {
  runId: number;
  generation: number;
  key: string;
  verb: 'submit' | 'retry';
  baseline: string | null;
  workflowId: number;
  title: string;
  version: number;
  reference: string | null;
}

/**
 * Executions we gave up without the engine's word are looked for until their tombstone ends: a late arrival is cancelled on
 * sight and listed as drift; the state of the run does not move. Returns how many surfaced.
 */
export async function followTombstones(db: Db, engine: Engine, log: Log): Promise<number> {
  const tombstones = await readTombstones(db, engine.name);
  const { pageSize } = engine.capabilities;
  let surfaced = 0;
  for (let from = 0; from < tombstones.length; from += pageSize) {
    const page = tombstones.slice(from, from + pageSize);
    const seen = await lookFor(engine, page, log);
    for (const tombstone of page) {
      const found = seen.get(tombstone.key);
      if (found?.presence !== 'present') continue;
      // One that cannot be cancelled keeps its tombstone and stops nobody else.
      if (await cancelOnSight(db, engine, tombstone, found, log)) surfaced += 1;
    }
  }
  return surfaced;
}

async function readTombstones(db: Db, engine: string): Promise<Tombstone[]> {
  const { rows } = await db.query<Tombstone>({
    name: 'read-tombstones',
    text: `SELECT e.workflow_run_id AS "runId", e.generation, e.key, e.verb, e.baseline, w.id AS "workflowId", w.title, w.version,
             ${REFERENCE_SQL} AS reference
           FROM workflow_executions e
           JOIN workflow_runs r ON r.id = e.workflow_run_id JOIN workflows w ON w.id = r.workflow_id
           WHERE e.tombstone_until > now() AND r.workflow_engine = $1
           ORDER BY e.tombstone_until LIMIT 10000`,
    values: [engine],
  });
  return rows;
}

async function lookFor(engine: Engine, page: Tombstone[], log: Log): Promise<Map<string, Observation>> {
  try {
    const refs = page.map((row) => toRef(row));
    const seen = await engine.gateway.call('observeMany', { class: 'reconcile' }, (adapter, ctx) =>
      adapter.observeMany(refs, ctx),
    );
    return new Map(seen.map((observation) => [observation.key, observation]));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn({ engine: engine.name, code: error.code }, 'given-up executions could not be looked for');
    return new Map();
  }
}

async function cancelOnSight(
  db: Db,
  engine: Engine,
  tombstone: Tombstone,
  found: PresentExecution,
  log: Log,
): Promise<boolean> {
  const fields = { workflow_run_id: tombstone.runId, engine: engine.name };
  try {
    const ref = toRef(tombstone, found.externalId);
    if (tombstone.verb === 'retry' && !(await wasRetried(engine, ref, tombstone, found))) return false;
    const { outcome } = await engine.gateway.call('cancel', { class: 'intent' }, (adapter, ctx) =>
      adapter.cancel(ref, 'graceful', ctx),
    );
    const did = outcome === 'requested' ? 'cancelled' : 'it had ended already';
    await buryAgain(db, engine.name, tombstone, found.externalId, `surfaced as ${found.engineState}; ${did}`);
    log.warn({ ...fields, outcome }, 'a given-up execution surfaced');
    return true;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn({ ...fields, code: error.code }, 'a given-up execution that surfaced could not be cancelled');
    return false;
  }
}

/** The object was there before the retry we gave up: only what differs from the baseline is its late arrival. */
async function wasRetried(
  engine: Engine,
  ref: ExecutionRef,
  { baseline }: Tombstone,
  listed: PresentExecution,
): Promise<boolean> {
  if (listed.baseline !== undefined) return listed.baseline !== baseline;
  const seen = await engine.gateway.call('observe', { class: 'reconcile' }, (adapter, ctx) =>
    adapter.observe(ref, ctx),
  );
  return seen.presence === 'present' && seen.baseline !== undefined && seen.baseline !== baseline;
}

function toRef(row: Tombstone, externalId?: string): ExecutionRef {
  const { title, version, reference } = row;
  const workflow = toExecutionWorkflow({ id: row.workflowId, title, version, reference });
  return { key: row.key, workflow, ...(externalId === undefined ? {} : { externalId }) };
}

async function buryAgain(db: Db, engine: string, row: Tombstone, externalId: string, detail: string): Promise<void> {
  await db.query({
    text: `WITH buried AS (
             UPDATE workflow_executions SET external_id = $4, tombstone_until = NULL
             WHERE workflow_run_id = $2 AND generation = $3)
           INSERT INTO drift (workflow_engine, kind, workflow_run_id, external_id, detail)
           VALUES ($1, 'late-execution', $2, $4, $5)
           ON CONFLICT (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, ''))
             WHERE resolved_at IS NULL DO UPDATE SET last_seen_at = now()`,
    values: [engine, row.runId, row.generation, externalId, detail],
  });
}
