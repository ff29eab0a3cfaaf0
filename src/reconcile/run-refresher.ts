import { Injectable } from '@nestjs/common';
import { ENGINE_ERROR_CODES } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import { type Engine, Engines } from '../engines/engines.js';
import { isFinal } from '../lifecycle/run-state.js';
import { readRunRecords } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { Telemetry } from '../platform/telemetry.js';
import { Observer } from './observer.js';

export interface Refreshed {
  stale: boolean;
  /**
   * Why the stored row is all there is: `engine-` and an engine error code, `observation-not-applied`, `refresh-timeout`,
   * `refresh-failed`, `engine-not-configured`.
   */
  cause?: string;
}

/** Reads of the same moment share one batch call. */
const GATHER_MS = 4;
/** How long a wait or a stream keeps its run watched after the last sign of life. */
const WATCH_MS = 10_000;

interface Gathering {
  waiting: Map<number, ((refreshed: Refreshed) => void)[]>;
}

/**
 * Refresh on read: gathered for a few milliseconds into one batch call, at most once per run and REFRESH_MAX_AGE over all
 * processes, at most REFRESH_TIMEOUT for the caller, within the reads' share of the engine's budget.
 */
@Injectable()
export class RunRefresher {
  private readonly gathering = new Map<string, Gathering>();
  /** Until when each run needs no further mark, on the process's monotonic clock; bounded by those that are watched now. */
  private readonly watched = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly observer: Observer,
    private readonly config: Config,
    private readonly telemetry: Telemetry,
  ) {}

  /** The caller reads the row again afterwards. Never throws for an engine; a sick one answers `stale`. */
  async refresh(runId: number, engineName: string): Promise<Refreshed> {
    const engine = this.engines.get(engineName);
    if (!engine) return { stale: true, cause: 'engine-not-configured' };
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<Refreshed>((resolve) => {
      timer = setTimeout(() => resolve({ stale: true, cause: 'refresh-timeout' }), this.config.refreshTimeoutMs);
    });
    try {
      return await Promise.race([this.gather(engine, runId), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Somebody waits for this run: the worker visits it about once a second for as long as this is called. */
  async markWatched(runId: number): Promise<void> {
    const now = performance.now();
    if ((this.watched.get(runId) ?? 0) > now) return;
    this.watched.set(runId, now + WATCH_MS / 2);
    if (this.watched.size > 10_000) this.forgetUnwatched(now);
    await this.database.query({
      name: 'mark-watched',
      // A new version: a worker that is about to leave the run to the reconciler looks at it again.
      text: `UPDATE workflow_runs SET watched_until = now() + $2 * interval '1 millisecond',
               next_action_at = least(next_action_at, now()), version = version + 1
             WHERE id = $1 AND state IN ('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')`,
      values: [runId, WATCH_MS],
    });
  }

  private forgetUnwatched(now: number): void {
    for (const [id, until] of this.watched) if (until <= now) this.watched.delete(id);
  }

  private gather(engine: Engine, runId: number): Promise<Refreshed> {
    return new Promise((resolve) => {
      let gathering = this.gathering.get(engine.name);
      if (!gathering) {
        gathering = { waiting: new Map() };
        this.gathering.set(engine.name, gathering);
        setTimeout(() => void this.look(engine), GATHER_MS);
      }
      gathering.waiting.set(runId, [...(gathering.waiting.get(runId) ?? []), resolve]);
    });
  }

  private async look(engine: Engine): Promise<void> {
    const gathering = this.gathering.get(engine.name);
    this.gathering.delete(engine.name);
    if (!gathering) return;
    const failed = new Map<number, string>();
    let broken: string | undefined;
    try {
      const ids = await this.claim([...gathering.waiting.keys()]);
      const runs = (await readRunRecords(this.database, ids)).filter(
        (run) => !isFinal(run.state) && run.execution.outcome === 'known',
      );
      const options = { class: 'read', source: 'engine', timeoutMs: this.config.refreshTimeoutMs } as const;
      const applied = await this.observer.observe(engine, runs, options);
      for (const { runId, code } of applied.failed)
        failed.set(runId, isEngineErrorCode(code) ? `engine-${code}` : code);
      for (const run of runs) {
        const ageMs = run.observedAt ? run.readAt.getTime() - run.observedAt.getTime() : 0;
        this.telemetry.metrics.refreshAgeSeconds.observe(ageMs / 1000);
      }
    } catch (error) {
      broken = 'refresh-failed';
      this.telemetry.log.warn({ engine: engine.name, err: error }, 'runs could not be refreshed on read');
    }
    for (const [id, resolvers] of gathering.waiting) {
      const cause = broken ?? failed.get(id);
      for (const resolve of resolvers) resolve(cause === undefined ? { stale: false } : { stale: true, cause });
    }
  }

  /** Of these runs, those nobody asked the engine about within REFRESH_MAX_AGE; they are ours to ask about now. */
  private async claim(ids: number[]): Promise<number[]> {
    const { rows } = await this.database.query<{ id: number }>({
      name: 'claim-refresh',
      text: `INSERT INTO refresh_claims AS c (workflow_run_id, claimed_at)
             SELECT id, clock_timestamp() FROM unnest($1::bigint[]) AS id ORDER BY id
             ON CONFLICT (workflow_run_id) DO UPDATE SET claimed_at = excluded.claimed_at
               WHERE c.claimed_at < excluded.claimed_at - $2 * interval '1 millisecond'
             RETURNING workflow_run_id AS id`,
      values: [ids, this.config.refreshMaxAgeMs],
    });
    return rows.map((row) => row.id);
  }
}

function isEngineErrorCode(code: string): boolean {
  return ENGINE_ERROR_CODES.some((one) => one === code);
}
