import { EngineError } from '../../adapters/spi/engine-error.js';
import type { ExecutionRef } from '../../adapters/spi/facts.js';
import type { Engine } from '../engines/engines.js';
import { REFERENCE_SQL, toExecutionWorkflow } from '../lifecycle/execution-ref.js';
import type { Db } from '../platform/database.js';

interface PurgedExecution {
  key: string;
  externalId: string | null;
  workflowId: number;
  title: string;
  version: number;
  reference: string | null;
}

/**
 * Has an engine forget executions of runs that are no longer kept, at most `atMost`. What is noted is struck out afterwards:
 * a process that dies in between only makes the engine be asked twice. Returns how many. Throws `EngineError`; then all of
 * them stay noted.
 */
export async function forgetExecutions(db: Db, engine: Engine, atMost: number): Promise<number> {
  const { rows } = await db.query<PurgedExecution>({
    name: 'retention-purged',
    text: `SELECT p.key, p.external_id AS "externalId", w.id AS "workflowId", w.title, w.version,
             ${REFERENCE_SQL} AS reference
           FROM purged_executions p JOIN workflows w ON w.id = p.workflow_id
           WHERE p.workflow_engine = $1 ORDER BY p.key LIMIT $2`,
    values: [engine.name, atMost],
  });
  if (rows.length === 0) return 0;
  const refs = rows.map((row) => toRef(row));
  await engine.gateway.call('forget', { class: 'reconcile' }, async (adapter, ctx) => {
    if (!adapter.forget) throw new EngineError('rejected', `${adapter.kind} keeps what it has`);
    await adapter.forget(refs, ctx);
  });
  await db.query({
    name: 'retention-forgotten',
    text: 'DELETE FROM purged_executions WHERE workflow_engine = $1 AND key = ANY ($2)',
    values: [engine.name, refs.map((ref) => ref.key)],
  });
  return rows.length;
}

function toRef({ key, externalId, workflowId, ...workflow }: PurgedExecution): ExecutionRef {
  const ref = { key, workflow: toExecutionWorkflow({ id: workflowId, ...workflow }) };
  return externalId === null ? ref : { ...ref, externalId };
}
