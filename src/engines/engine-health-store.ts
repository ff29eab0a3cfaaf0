import type { Db } from '../platform/database.js';
import type { Health, HealthState, HealthWords, MemorySigns } from './engine-health.js';

export interface EngineHealthRow {
  name: string;
  state: HealthState;
  checkedAt: Date | null;
  version: string | null;
  latencyMs: number | null;
  detail: string | null;
}

/** What the last health check of any process saw, by name. */
export async function readEngineHealth(db: Db, names: string[]): Promise<Map<string, EngineHealthRow>> {
  const { rows } = await db.query<EngineHealthRow>({
    name: 'engines.health',
    text: `SELECT name, health_state AS state, health_checked_at AS "checkedAt", version,
             health_latency_ms AS "latencyMs", health_detail AS detail
           FROM engines WHERE name = ANY($1)`,
    values: [names],
  });
  return new Map(rows.map((row) => [row.name, row]));
}

/** With them what is recorded of the engine, so that a check that sees nothing new need not write it. */
export async function readMemorySigns(
  db: Db,
  engine: string,
  epoch: string | null,
): Promise<MemorySigns & { recorded: HealthWords | null }> {
  const given = `workflow_runs r
    JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.generation = r.generation
    WHERE r.workflow_engine = $1 AND e.outcome = 'known'
      AND r.state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')`;
  const { rows } = await db.query<MemorySigns & { recorded: HealthWords | null }>({
    name: 'read-memory-signs',
    text: `SELECT
             EXISTS (SELECT FROM ${given} AND e.engine_epoch <> $2) AS "otherEpoch",
             (SELECT count(*) FROM ${given} AND r.finished_at IS NULL AND r.absent_since IS NOT NULL) AS absent,
             EXISTS (SELECT FROM ${given} AND r.absent_since IS NULL) AS "othersSeen",
             (SELECT json_build_object('state', health_state, 'epoch', epoch, 'version', version, 'detail', health_detail)
              FROM engines WHERE name = $1) AS recorded`,
    values: [engine, epoch],
  });
  if (!rows[0]) throw new Error(`nothing was read about ${engine}`);
  return rows[0];
}

export async function storeHealth(db: Db, engine: string, health: Health): Promise<void> {
  await db.query({
    name: 'store-engine-health',
    text: `UPDATE engines SET health_state = $2, epoch = coalesce($3, epoch), version = coalesce($4, version),
             health_latency_ms = $5, health_detail = $6, health_checked_at = clock_timestamp()
           WHERE name = $1`,
    values: [
      engine,
      health.state,
      health.epoch ?? null,
      health.version ?? null,
      health.latencyMs,
      health.detail ?? null,
    ],
  });
}
