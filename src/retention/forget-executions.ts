import { EngineError, type EngineErrorCode } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef } from '../../adapters/spi/facts.js';
import type { Engine } from '../engines/engines.js';
import { REFERENCE_SQL, toExecutionWorkflow } from '../lifecycle/execution-ref.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';
import type { Db } from '../platform/database.js';

/** Executions of one call. Engines remove them one after the other, and all of a call have to fit in ENGINE_TIMEOUT. */
const AT_ONCE = 10;
/** What no single execution is the reason of: the engine is left alone until the next pass. */
const OF_THE_ENGINE: readonly EngineErrorCode[] = ['unavailable', 'unauthorized', 'unsupported'];

export interface ForgetLimits {
  /** Executions asked for; the call under way is finished. */
  atMost: number;
  /** Milliseconds after which no further call is begun. */
  forMs: number;
  /** After each call and what followed from it. */
  afterCall: () => void;
}

export interface Forgotten {
  forgotten: number;
  /** Those that the engine did not remove, or not in time: they stay noted. */
  left: number;
  /** Why, of the last one. */
  code?: EngineErrorCode;
}

/**
 * Has an engine forget executions of runs that are no longer kept. What it has forgotten is struck out after each call: a process
 * that dies in between only makes the engine be asked twice. One that cannot be removed keeps no other. Throws `EngineError` when
 * the engine itself cannot be asked.
 */
export async function forgetExecutions(db: Db, engine: Engine, limits: ForgetLimits): Promise<Forgotten> {
  const until = performance.now() + limits.forMs;
  const told: Forgotten = { forgotten: 0, left: 0 };
  for await (const refs of purgedExecutions(db, engine.name)) {
    await forget(db, engine, refs, told, until);
    limits.afterCall();
    if (told.forgotten + told.left >= limits.atMost || performance.now() >= until) break;
  }
  return told;
}

/** All in one call; where that fails each by itself while there is time, so that all but those at fault are removed. */
async function forget(db: Db, engine: Engine, refs: ExecutionRef[], told: Forgotten, until: number): Promise<void> {
  try {
    await engine.gateway.call('forget', { class: 'reconcile' }, async (adapter, ctx) => {
      if (!adapter.forget) throw new EngineError('unsupported', `${adapter.kind} keeps what it has`);
      await adapter.forget(refs, ctx);
    });
  } catch (error) {
    if (!(error instanceof EngineError) || OF_THE_ENGINE.includes(error.code)) throw error;
    if (refs.length > 1) {
      for (const ref of refs) {
        if (performance.now() >= until) return;
        await forget(db, engine, [ref], told, until);
      }
      return;
    }
    told.left += 1;
    told.code = error.code;
    return;
  }
  await db.query({
    name: 'retention-forgotten',
    text: 'DELETE FROM purged_executions WHERE workflow_engine = $1 AND key = ANY ($2)',
    values: [engine.name, refs.map((ref) => ref.key)],
  });
  told.forgotten += refs.length;
}

/**
 * What is noted, in the order of keys, once around from a place of its own: a pass may end anywhere, and the next one must not
 * come to the same ones first. Keys are random, and so is the place.
 */
async function* purgedExecutions(db: Db, engine: string): AsyncGenerator<ExecutionRef[]> {
  const begin = runKey(newRunToken(), 1);
  const ranges = [
    { after: begin, upTo: null },
    { after: '', upTo: begin },
  ];
  for (const { after: from, upTo } of ranges) {
    let after = from;
    for (;;) {
      const refs = await readPurged(db, engine, after, upTo);
      const last = refs.at(-1);
      if (!last) break;
      yield refs;
      after = last.key;
    }
  }
}

interface PurgedExecution {
  key: string;
  externalId: string | null;
  workflowId: number;
  title: string;
  version: number;
  reference: string | null;
}

async function readPurged(db: Db, engine: string, after: string, upTo: string | null): Promise<ExecutionRef[]> {
  const { rows } = await db.query<PurgedExecution>({
    name: 'retention-purged',
    text: `SELECT p.key, p.external_id AS "externalId", w.id AS "workflowId", w.title, w.version,
             ${REFERENCE_SQL} AS reference
           FROM purged_executions p JOIN workflows w ON w.id = p.workflow_id
           WHERE p.workflow_engine = $1 AND p.key > $2 AND ($3::text IS NULL OR p.key <= $3)
           ORDER BY p.key LIMIT $4`,
    values: [engine, after, upTo, AT_ONCE],
  });
  return rows.map(toRef);
}

function toRef({ key, externalId, workflowId, ...workflow }: PurgedExecution): ExecutionRef {
  const ref = { key, workflow: toExecutionWorkflow({ id: workflowId, ...workflow }) };
  return externalId === null ? ref : { ...ref, externalId };
}
