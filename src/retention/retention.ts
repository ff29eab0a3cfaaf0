import { Injectable } from '@nestjs/common';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import { Engines, type Engine } from '../engines/engines.js';
import { Database } from '../platform/database.js';
import { isDatabaseUnavailable, isStatementTimeout } from '../platform/database-errors.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { Metrics } from '../platform/metrics.js';
import { forgetExecutions } from './forget-executions.js';
import { purgeEndedRuns } from './purge-ended-runs.js';

/** Runs of one statement; fewer where so many take too long. */
const BATCH = 200;
/** Batches of one pass: a stopping process waits for it. */
const BATCHES = 25;
/** Milliseconds of one pass in which one engine is asked to forget. */
const FORGET_MS = 30_000;

/**
 * Runs are kept for RUN_RETENTION after their end, then deleted batch by batch. The record goes first and notes what the
 * engine has; the engine follows. A process may die anywhere in between: the next pass, in any process, goes on.
 */
@Injectable()
export class Retention {
  /** By engine: runs that fit into one statement last time. The next pass tries twice as many. */
  private readonly sizes = new Map<string, number>();

  constructor(
    private readonly engines: Engines,
    private readonly database: Database,
    private readonly config: Config,
    private readonly metrics: Metrics,
    private readonly killPoints: KillPoints,
    private readonly log: Log,
  ) {}

  /**
   * One bounded pass over all engines; returns how many runs were deleted. What the database refuses for one engine is thrown once
   * the others had their turn; that it is away, at once.
   */
  async pass(): Promise<number> {
    let deleted = 0;
    const failures: unknown[] = [];
    const failed = new Set<string>();
    for (const engine of this.engines.list()) {
      const steps = [async () => (deleted += await this.purge(engine)), () => this.forget(engine)];
      for (const step of steps) {
        try {
          await step();
        } catch (error) {
          if (isDatabaseUnavailable(error)) throw error;
          failures.push(error);
          failed.add(engine.name);
        }
      }
    }
    if (failures.length === 0) return deleted;
    throw new AggregateError(failures, `not all that is old could be deleted, of: ${[...failed].join(', ')}`);
  }

  private async purge(engine: Engine): Promise<number> {
    if (this.config.runRetentionMs === 0) return 0;
    let deleted = 0;
    let atMost = Math.min(BATCH, 2 * (this.sizes.get(engine.name) ?? BATCH));
    for (let batch = 0; batch < BATCHES; batch++) {
      this.killPoints.reach('retention.before-batch');
      const purged = await this.purgeBatch(engine, atMost);
      this.killPoints.reach('retention.after-batch');
      if (purged === undefined) atMost = Math.ceil(atMost / 2);
      this.sizes.set(engine.name, atMost);
      this.metrics.purgedRuns.inc({ engine: engine.name }, purged ?? 0);
      deleted += purged ?? 0;
      if (purged !== undefined && purged < atMost) break;
    }
    if (deleted > 0) this.log.info({ engine: engine.name, runs: deleted }, 'runs that ended long ago were deleted');
    return deleted;
  }

  /** Undefined when it took too long, and half as many may not. */
  private async purgeBatch(engine: Engine, atMost: number): Promise<number | undefined> {
    const forgetting = canForget(engine);
    try {
      const limits = { endedForMs: this.config.runRetentionMs, atMost, forgetting };
      return await purgeEndedRuns(this.database, engine.name, limits);
    } catch (error) {
      if (!isStatementTimeout(error) || atMost === 1) throw error;
      this.log.warn({ engine: engine.name, runs: atMost }, 'deleting so many runs at once takes too long');
      return undefined;
    }
  }

  private async forget(engine: Engine): Promise<void> {
    if (!canForget(engine)) return;
    const afterCall = (): void => this.killPoints.reach('retention.after-forget');
    const limits = { atMost: BATCH * BATCHES, forMs: FORGET_MS, afterCall };
    try {
      const { left, code } = await forgetExecutions(this.database, engine, limits);
      if (left > 0) this.log.warn({ engine: engine.name, executions: left, code }, STILL_THERE);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.log.warn({ engine: engine.name, code: error.code }, STILL_THERE);
    }
  }
}

const STILL_THERE = 'the engine still has executions of deleted runs';

function canForget(engine: Engine): boolean {
  return engine.capabilities.verbs.forget !== 'none';
}
