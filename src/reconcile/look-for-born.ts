/** Runs that began on an engine, of workflows that were imported: adopted where the operator wants it, else listed as drift. */
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { BornExecution, BornPage } from '../../adapters/spi/born.js';
import type { Engine } from '../engines/engines.js';
import type { Db } from '../platform/database.js';
import type { Log } from '../platform/log.js';
import { adoptRuns } from './adopt-runs.js';

/** A look does not go on for ever, however much there is. */
const PAGES = 200;
/** What ended shortly before the last look may have shown up in the engine's lists only after it; clocks differ, too. */
const OVERLAP_MS = 10 * 60 * 1_000;
/** For how long an execution is known after its run was deleted: longer than any list reaches back. */
const RELEASED_DAYS = 7;

/** The registration that the executions of a reference belong to. */
export interface Referred {
  reference: string;
  workflowId: number;
  /** Since when the reference is registered: what ended before is the engine's history. */
  since: Date;
}

/**
 * One look at most per `intervalMs` over all processes. Nothing changes on the engine: nothing is cancelled or deleted there.
 * Throws only what the database throws.
 */
export async function lookForBorn(db: Db, engine: Engine, intervalMs: number, log: Log): Promise<void> {
  if (engine.capabilities.verbs.listBorn === 'none') return;
  const look = await claimLook(db, engine.name, intervalMs);
  if (look === undefined) return;
  const referred = await readReferred(db, engine.name);
  try {
    const { isWhole, adopted } = referred.length > 0 ? await lookAt(db, engine, referred, look) : NOTHING;
    if (adopted > 0) log.info({ engine: engine.name, runs: adopted }, 'runs that began on the engine were adopted');
    if (!isWhole) log.warn({ engine: engine.name }, 'the engine has more runs of its own than one look goes through');
    await recordLook(db, engine.name, look.began, isWhole);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn({ engine: engine.name, code: error.code }, 'runs that began on the engine could not be looked for');
  }
}

const NOTHING = { isWhole: true, adopted: 0 };

interface Look {
  began: Date;
  /** When the last look began that saw everything. */
  seenAt: Date | null;
}

async function lookAt(
  db: Db,
  engine: Engine,
  referred: Referred[],
  { seenAt }: Look,
): Promise<{ isWhole: boolean; adopted: number }> {
  const byReference = new Map(referred.map((one) => [one.reference, one]));
  const first = new Date(Math.min(...referred.map(({ since }) => since.getTime())));
  const endedSince = seenAt === null ? first : new Date(Math.max(first.getTime(), seenAt.getTime() - OVERLAP_MS));
  let adopted = 0;
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const { executions, nextCursor } = await listBorn(engine, [...byReference.keys()], endedSince, cursor);
    const born = executions.flatMap((execution) => {
      const owner = byReference.get(execution.reference);
      return owner !== undefined && isOfNow(execution, owner) ? [{ execution, workflowId: owner.workflowId }] : [];
    });
    if (engine.adopts) adopted += await adoptRuns(db, engine, born);
    else await storeForeign(db, engine, born);
    cursor = nextCursor;
    if (cursor === undefined) return { isWhole: true, adopted };
  }
  return { isWhole: false, adopted };
}

/** The engine's history before the import stays the engine's. */
function isOfNow({ endedAt }: BornExecution, { since }: Referred): boolean {
  return endedAt === undefined || endedAt >= since;
}

function listBorn(
  engine: Engine,
  references: string[],
  endedSince: Date,
  cursor: string | undefined,
): Promise<BornPage> {
  return engine.gateway.call('listBorn', { class: 'reconcile' }, async (adapter, ctx) => {
    if (!adapter.listBorn) throw new EngineError('unsupported', 'the engine cannot list its own executions');
    return adapter.listBorn({ references, endedSince, ...(cursor === undefined ? {} : { cursor }) }, ctx);
  });
}

async function claimLook(db: Db, engine: string, intervalMs: number): Promise<Look | undefined> {
  const { rows } = await db.query<Look>({
    name: 'claim-born-look',
    text: `UPDATE engines SET born_looked_at = clock_timestamp()
           WHERE name = $1
             AND (born_looked_at IS NULL OR born_looked_at < clock_timestamp() - $2 * interval '1 millisecond')
           RETURNING born_looked_at AS began, born_seen_at AS "seenAt"`,
    values: [engine, intervalMs],
  });
  return rows[0];
}

/**
 * What is registered by reference and can be run. Where several versions or projects refer to the same, it is the newest
 * version of the title that was the first to.
 */
async function readReferred(db: Db, engine: string): Promise<Referred[]> {
  const { rows } = await db.query<Referred>({
    name: 'read-referred',
    text: `SELECT DISTINCT ON (o.reference) o.reference, o.id AS "workflowId", o.since FROM (
             SELECT w.id, w.version, w.project, w.title, r.reference,
               first_value(w.project || '/' || w.title) OVER first AS owner, min(w.created_at) OVER first AS since
             FROM workflows w CROSS JOIN LATERAL (SELECT btrim(w.definition, E' \\t\\r\\n') AS reference) r
             WHERE w.workflow_engine = $1 AND w.definition_format = 'reference' AND w.archived_at IS NULL
               AND w.registration_state = 'READY'
             WINDOW first AS (PARTITION BY r.reference ORDER BY w.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
           ) o WHERE o.project || '/' || o.title = o.owner
           ORDER BY o.reference, o.version DESC`,
    values: [engine],
  });
  return rows;
}

/** Those that are active, as drift: what has ended needs nobody any more. */
async function storeForeign(
  db: Db,
  engine: Engine,
  born: readonly { execution: BornExecution; workflowId: number }[],
): Promise<void> {
  const active = born.filter(({ execution }) => execution.endedAt === undefined);
  if (active.length === 0) return;
  await db.query({
    name: 'store-foreign',
    text: `INSERT INTO drift (workflow_engine, kind, workflow_id, external_id, detail)
           SELECT DISTINCT ON (b.external_id) $1, 'foreign', b.workflow_id, b.external_id,
             'somebody else started it; the engine says ' || b.word
           FROM unnest($2::bigint[], $3::text[], $4::text[]) AS b(workflow_id, external_id, word)
           WHERE NOT EXISTS (SELECT FROM adopted_executions a JOIN workflow_runs r ON r.token = a.token
             JOIN workflow_executions e ON e.workflow_run_id = r.id
             WHERE a.workflow_engine = $1 AND e.external_id = b.external_id)
           ORDER BY b.external_id
           ON CONFLICT (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, ''))
             WHERE resolved_at IS NULL
             DO UPDATE SET last_seen_at = clock_timestamp(), detail = excluded.detail, workflow_id = excluded.workflow_id`,
    values: [
      engine.name,
      active.map(({ workflowId }) => workflowId),
      active.map(({ execution }) => execution.externalId),
      active.map(({ execution }) => execution.engineState),
    ],
  });
}

/** What a whole look did not see is over, or adopted. */
async function recordLook(db: Db, engine: string, began: Date, isWhole: boolean): Promise<void> {
  if (!isWhole) return;
  await db.query({
    name: 'record-born-look',
    text: `WITH seen AS (
             UPDATE engines SET born_seen_at = greatest(born_seen_at, $2) WHERE name = $1
           ), resolved AS (
             UPDATE drift SET resolved_at = now()
             WHERE workflow_engine = $1 AND kind = 'foreign' AND resolved_at IS NULL AND last_seen_at < $2
           )
           DELETE FROM adopted_executions
           WHERE workflow_engine = $1 AND released_at < now() - $3 * interval '1 day'`,
    values: [engine, began, RELEASED_DAYS],
  });
}
