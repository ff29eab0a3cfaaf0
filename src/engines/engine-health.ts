import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Db } from '../platform/database.js';
import { shortText } from '../platform/short-text.js';
import type { Engine } from './engines.js';

export const HEALTH_STATES = ['UP', 'DOWN', 'UNAUTHORIZED', 'SUSPECT', 'UNKNOWN'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

export interface Health {
  state: HealthState;
  latencyMs: number;
  version?: string;
  detail?: string;
  epoch?: string;
}

/** A health check must answer faster than a call that does work. */
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Asks the engine for its version and reads our sentinel in it; stores what it saw. A failed read of the sentinel is not a
 * missing one; a missing or exchanged one makes the engine SUSPECT: its memory may be gone, so absences prove nothing.
 */
export async function checkHealth(db: Db, engine: Engine): Promise<Health> {
  const began = process.hrtime.bigint();
  const health = await probe(engine);
  health.latencyMs = Math.round(Number(process.hrtime.bigint() - began) / 1e4) / 100;
  if (health.epoch === undefined) delete engine.epoch;
  else engine.epoch = health.epoch;
  await store(db, engine, health);
  return health;
}

async function probe(engine: Engine): Promise<Health> {
  const options = { class: 'intent', timeoutMs: PROBE_TIMEOUT_MS, probe: true } as const;
  try {
    const ping = await engine.gateway.call('ping', options, (adapter, ctx) => adapter.ping(ctx));
    const sentinel = await engine.gateway.call('sentinel', options, (adapter, ctx) => adapter.sentinel(ctx));
    const known = {
      latencyMs: 0,
      version: shortText(ping.version),
      ...(ping.detail === undefined ? {} : { detail: shortText(ping.detail) }),
    };
    if (sentinel.state === 'present') return { ...known, state: 'UP', epoch: sentinel.epoch };
    return { ...known, state: 'SUSPECT', detail: 'the object that Signalbox keeps in the engine is gone' };
  } catch (error) {
    const code = error instanceof EngineError ? error.code : 'unknown';
    return {
      state: code === 'unauthorized' ? 'UNAUTHORIZED' : 'DOWN',
      latencyMs: 0,
      detail: error instanceof Error ? error.message : String(error),
    };
  }
}

/** While runs of an older epoch are active, an engine with a new one is SUSPECT. */
async function store(db: Db, engine: Engine, health: Health): Promise<void> {
  const { rows } = await db.query<{ state: HealthState }>({
    name: 'store-engine-health',
    text: `UPDATE engines SET
             health_state = CASE WHEN $2 = 'UP' AND EXISTS (
               SELECT FROM workflow_runs r
               JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.generation = r.generation
               WHERE r.workflow_engine = $1 AND e.engine_epoch <> $3 AND e.outcome = 'known'
                 AND r.state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')
             ) THEN 'SUSPECT' ELSE $2 END,
             epoch = coalesce($3, epoch), version = coalesce($4, version), health_latency_ms = $5, health_detail = $6,
             health_checked_at = clock_timestamp()
           WHERE name = $1 RETURNING health_state AS state`,
    values: [
      engine.name,
      health.state,
      health.epoch ?? null,
      health.version ?? null,
      health.latencyMs,
      health.detail ?? null,
    ],
  });
  const stored = rows[0]?.state;
  if (stored === 'SUSPECT' && health.state === 'UP') {
    health.state = 'SUSPECT';
    health.detail = 'the engine has another memory than the one active runs were given to';
  }
}
