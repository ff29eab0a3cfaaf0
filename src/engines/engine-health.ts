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
 * missing one; a missing or exchanged one makes the engine SUSPECT: its memory may be gone, so absences prove nothing. The
 * same holds when many runs vanished at once, whatever the sentinel says: then the epoch counts as not read.
 * `recordedLater`: the caller writes the time of the check with a word of its own, so one that saw nothing new and lets it
 * go on writes nothing here.
 */
export async function checkHealth(db: Db, engine: Engine, options: { recordedLater?: boolean } = {}): Promise<Health> {
  const began = process.hrtime.bigint();
  const health = await probe(engine);
  health.latencyMs = Math.round(Number(process.hrtime.bigint() - began) / 1e4) / 100;
  if (health.state === 'UP') {
    const signs = await readSigns(db, engine.name, health.epoch ?? null);
    const doubt = doubtOf(signs);
    if (doubt !== undefined) Object.assign(health, { state: 'SUSPECT', detail: doubt });
    if (vanishedTogether(signs)) delete health.epoch;
  }
  if (health.epoch === undefined) delete engine.epoch;
  else engine.epoch = engine.lastEpoch = health.epoch;
  const goesOn = health.state === 'UP' || health.state === 'SUSPECT';
  await store(db, engine, health, options.recordedLater === true && goesOn);
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

/** What the active runs that the engine was given say about its memory. */
export interface MemorySigns {
  /** Some were given to another memory than the one that answers now. */
  otherEpoch: boolean;
  /** Positively absent now. */
  absent: number;
  /** Some are not. */
  othersSeen: boolean;
}

/** So many runs that are absent at the same time were not removed one by one; fewer, when no other is left. */
const MANY = 5;
const ALL_OF = 2;

/** An engine that came back from a backup knows our sentinel, and not the runs it was given since. Pure. */
export function vanishedTogether({ absent, othersSeen }: MemorySigns): boolean {
  return absent >= MANY || (absent >= ALL_OF && !othersSeen);
}

function doubtOf(signs: MemorySigns): string | undefined {
  if (vanishedTogether(signs)) return `${signs.absent} active runs are gone from the engine at once`;
  return signs.otherEpoch ? 'the engine has another memory than the one active runs were given to' : undefined;
}

async function readSigns(db: Db, engine: string, epoch: string | null): Promise<MemorySigns> {
  const given = `workflow_runs r
    JOIN workflow_executions e ON e.workflow_run_id = r.id AND e.generation = r.generation
    WHERE r.workflow_engine = $1 AND e.outcome = 'known'
      AND r.state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')`;
  const { rows } = await db.query<MemorySigns>({
    name: 'read-memory-signs',
    text: `SELECT
             EXISTS (SELECT FROM ${given} AND e.engine_epoch <> $2) AS "otherEpoch",
             (SELECT count(*) FROM ${given} AND r.finished_at IS NULL AND r.absent_since IS NOT NULL) AS absent,
             EXISTS (SELECT FROM ${given} AND r.absent_since IS NULL) AS "othersSeen"`,
    values: [engine, epoch],
  });
  return rows[0] ?? { otherEpoch: false, absent: 0, othersSeen: false };
}

async function store(db: Db, engine: Engine, health: Health, onlyNews: boolean): Promise<void> {
  await db.query({
    name: 'store-engine-health',
    text: `UPDATE engines SET health_state = $2, epoch = coalesce($3, epoch), version = coalesce($4, version),
             health_latency_ms = $5, health_detail = $6, health_checked_at = clock_timestamp()
           WHERE name = $1 AND (NOT $7 OR (health_state, epoch, version, health_detail)
             IS DISTINCT FROM ($2, coalesce($3, epoch), coalesce($4, version), $6))`,
    values: [
      engine.name,
      health.state,
      health.epoch ?? null,
      health.version ?? null,
      health.latencyMs,
      health.detail ?? null,
      onlyNews,
    ],
  });
}
