import type { ExecutionPage, ListedExecution } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Engine } from '../engines/engines.js';
import type { Db } from '../platform/database.js';
import type { Log } from '../platform/log.js';

/** Pages of one look; what is left is read by the next pass. */
const PAGES = 10;
/** Of a look that has not come further yet, since so much was made at one moment. */
const MOST_PAGES = 100;
/** An execution may show up in the list this much later than its time of creation says. */
const OVERLAP_MS = 60_000;
/** Orphans known before that are looked at again per look. */
const KNOWN_ONES = 10;

/**
 * Executions on an engine that bear our installation and have no row, as after a backup of our database came back, are listed
 * as drift: never adopted by themselves, never cancelled, never deleted. At most once per `intervalMs` over all processes,
 * sooner while something is left; each look reads what the engine made since the last one. Returns whether something is left
 * for the next pass. Throws only what the database throws.
 */
export async function findOrphans(db: Db, engine: Engine, intervalMs: number, log: Log): Promise<boolean> {
  if (engine.capabilities.verbs.list === 'none') return false;
  const claimed = await claimLook(db, engine.name, intervalMs);
  if (!claimed) return false;
  try {
    await lookAtKnown(db, engine);
    const { found, done } = await lookAtNew(db, engine, claimed.since);
    if (found > 0) log.warn({ engine: engine.name, orphans: found }, 'the engine holds executions that no run knows');
    return !done;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log.warn({ engine: engine.name, code: error.code }, 'executions without a run could not be looked for');
    return false;
  }
}

/** How many were not known before, and whether the engine has no more. */
async function lookAtNew(db: Db, engine: Engine, since: Date): Promise<{ found: number; done: boolean }> {
  let found = 0;
  let until = since;
  let cursor: string | undefined;
  for (let page = 0; page < PAGES || (until <= since && page < MOST_PAGES); page++) {
    const seen = await list(engine, since, cursor);
    found += await storeOrphans(db, engine, seen.executions);
    until = endOf(seen) ?? until;
    cursor = seen.nextCursor;
    if (cursor === undefined) break;
  }
  const done = cursor === undefined;
  await recordLook(db, engine.name, done, done ? new Date(until.getTime() - OVERLAP_MS) : until);
  return { found, done };
}

/** What is gone from the engine, or has its row again, is an orphan no longer. */
async function lookAtKnown(db: Db, engine: Engine): Promise<void> {
  const { rows } = await db.query<{ id: number; externalId: string; createdAt: Date }>({
    name: 'read-orphans',
    text: `SELECT id, external_id AS "externalId", created_on_engine_at AS "createdAt" FROM drift
           WHERE workflow_engine = $1 AND kind = 'orphan' AND resolved_at IS NULL ORDER BY last_seen_at, id LIMIT $2`,
    values: [engine.name, KNOWN_ONES],
  });
  const gone: number[] = [];
  for (const { id, externalId, createdAt } of rows) {
    // The list begins with it, if it is there.
    const seen = await list(engine, createdAt, undefined);
    const isThere = seen.executions.some((one) => one.externalId === externalId);
    if (isThere) await storeOrphans(db, engine, seen.executions);
    else if (seen.nextCursor === undefined || (endOf(seen) ?? createdAt) > createdAt) gone.push(id);
  }
  await db.query({
    name: 'resolve-orphans',
    text: 'UPDATE drift SET resolved_at = now() WHERE id = ANY($1) AND resolved_at IS NULL',
    values: [gone],
  });
}

/** All that the engine made before is known by this page. */
function endOf({ executions, readUntil }: ExecutionPage): Date | undefined {
  return readUntil ?? executions.at(-1)?.createdAt;
}

function list(engine: Engine, since: Date, cursor: string | undefined): ReturnType<ListVerb> {
  return engine.gateway.call('list', { class: 'reconcile' }, async (adapter, ctx) => {
    if (!adapter.list) throw new EngineError('unsupported', 'the engine cannot list executions');
    return adapter.list({ since, ...(cursor === undefined ? {} : { cursor }) }, ctx);
  });
}

type ListVerb = NonNullable<Engine['gateway']['adapter']['list']>;

/** One look at a time over all processes; undefined when the last one is too recent. */
async function claimLook(db: Db, engine: string, intervalMs: number): Promise<{ since: Date } | undefined> {
  const { rows } = await db.query<{ since: Date }>({
    name: 'claim-orphan-look',
    text: `UPDATE engines SET listed_at = now()
           WHERE name = $1 AND (listed_at IS NULL OR listed_at < now() - $2 * interval '1 millisecond')
           RETURNING coalesce(listed_until, 'epoch') AS since`,
    values: [engine, intervalMs],
  });
  return rows[0];
}

async function recordLook(db: Db, engine: string, done: boolean, until: Date): Promise<void> {
  await db.query({
    name: 'record-orphan-look',
    // Others may have made something of a time to come, which hides nothing that is made until then.
    text: `UPDATE engines SET listed_until = greatest(listed_until, least($2, now()), 'epoch'), listed_at = CASE WHEN $3 THEN listed_at END
           WHERE name = $1`,
    values: [engine, until, done],
  });
}

/** Compares one page with the rows; returns how many orphans were not listed before. */
async function storeOrphans(db: Db, engine: Engine, executions: ListedExecution[]): Promise<number> {
  const ours = executions.filter((one) => one.installationId === engine.installationId);
  if (ours.length === 0) return 0;
  const { rows } = await db.query<{ fresh: boolean }>({
    name: 'store-orphans',
    text: `WITH seen AS (
             SELECT DISTINCT ON (external_id) * FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[])
               AS s(key, external_id, word, created_at) ORDER BY external_id
           ), known AS (
             -- A key is sb-, the token of its run, and the generation.
             SELECT s.external_id FROM seen s JOIN workflow_runs r ON r.token = substr(s.key, 4, 26)
             JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.key = s.key
             UNION
             -- Its run was deleted by age, and the engine is about to be told.
             SELECT s.external_id FROM seen s JOIN purged_executions p ON p.workflow_engine = $1 AND p.key = s.key
           ), resolved AS (
             UPDATE drift d SET resolved_at = now() FROM known k
             WHERE d.workflow_engine = $1 AND d.kind = 'orphan' AND d.resolved_at IS NULL AND d.external_id = k.external_id
           )
           INSERT INTO drift (workflow_engine, kind, external_id, detail, created_on_engine_at)
           SELECT $1, 'orphan', s.external_id, 'no run has the key ' || s.key || '; the engine says ' || s.word, s.created_at
           FROM seen s WHERE s.external_id NOT IN (SELECT external_id FROM known) ORDER BY s.external_id
           ON CONFLICT (workflow_engine, kind, coalesce(workflow_run_id, 0), coalesce(external_id, ''))
             WHERE resolved_at IS NULL DO UPDATE SET last_seen_at = now(), detail = excluded.detail
           RETURNING first_seen_at = last_seen_at AS fresh`,
    values: [
      engine.name,
      ours.map((one) => one.key),
      ours.map((one) => one.externalId),
      ours.map((one) => one.engineState),
      ours.map((one) => one.createdAt),
    ],
  });
  return rows.filter((row) => row.fresh).length;
}
