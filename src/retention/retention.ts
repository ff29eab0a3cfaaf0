import { Injectable } from '@nestjs/common';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import { Engines, type Engine } from '../engines/engines.js';
import { Database } from '../platform/database.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { Metrics } from '../platform/metrics.js';
import { forgetExecutions } from './forget-executions.js';
import { purgeEndedRuns } from './purge-ended-runs.js';

const BATCH = 200;
/** Batches of one pass: a stopping process waits for the pass. */
const BATCHES = 25;

/**
 * Runs are kept for RUN_RETENTION after their end, then deleted batch by batch. The record goes first and notes what the
 * engine has; the engine follows. A process may die anywhere in between: the next pass, in any process, goes on.
 */
@Injectable()
export class Retention {
  constructor(
    private readonly engines: Engines,
    private readonly database: Database,
    private readonly config: Config,
    private readonly metrics: Metrics,
    private readonly killPoints: KillPoints,
    private readonly log: Log,
  ) {}

  /** One bounded pass over all engines; returns how many runs were deleted. Throws what the database throws. */
  async pass(): Promise<number> {
    let deleted = 0;
    for (const engine of this.engines.list()) {
      if (this.config.runRetentionMs > 0) deleted += await this.purge(engine);
      if (engine.capabilities.verbs.forget !== 'none') await this.forget(engine);
    }
    return deleted;
  }

  private async purge(engine: Engine): Promise<number> {
    const forgetting = engine.capabilities.verbs.forget !== 'none';
    const limits = { endedForMs: this.config.runRetentionMs, atMost: BATCH, forgetting };
    let deleted = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      this.killPoints.reach('retention.before-batch');
      const purged = await purgeEndedRuns(this.database, engine.name, limits);
      this.killPoints.reach('retention.after-batch');
      this.metrics.purgedRuns.inc({ engine: engine.name }, purged);
      deleted += purged;
      if (purged < BATCH) break;
    }
    if (deleted > 0) this.log.info({ engine: engine.name, runs: deleted }, 'runs that ended long ago were deleted');
    return deleted;
  }

  private async forget(engine: Engine): Promise<void> {
    try {
      for (let batch = 0; batch < BATCHES; batch++) {
        const forgotten = await forgetExecutions(this.database, engine, BATCH);
        this.killPoints.reach('retention.after-forget');
        if (forgotten < BATCH) return;
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.log.warn({ engine: engine.name, code: error.code }, 'the engine still has executions of deleted runs');
    }
  }
}
