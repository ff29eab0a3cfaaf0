import type { Db } from '../platform/database.js';
import type { HealthState } from './engine-health.js';

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
