import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Engines } from '../engines/engines.js';
import { isFinal } from '../lifecycle/run-state.js';
import { Database, type Db } from '../platform/database.js';
import { Problem } from '../platform/problem.js';
import { RunRefresher } from '../reconcile/run-refresher.js';
import { toWorkflowRun, type RunRow, type ShownRun } from './run-row.js';
import { readRun } from './runs-store.js';
import { staleAfterMs } from './stale-after.js';
import { includedTaskRuns } from './task-runs-store.js';

export interface ReadOptions {
  /** Whether the engine may be asked. */
  refresh: boolean;
  taskRuns?: boolean | undefined;
}

/** Reads one run for an answer, after a look at the engine where the record is too old. */
@Injectable()
export class RunReader {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly refresher: RunRefresher,
    private readonly config: Config,
  ) {}

  /** The response as JSON text; throws `workflow-run-not-found`. */
  async read(project: string, id: number, options: ReadOptions): Promise<string> {
    let row = await this.find(this.database, project, id);
    let staleCause: string | undefined;
    if (options.refresh && this.isOld(row)) {
      const refreshed = await this.refresher.refresh(id, row.engine);
      if (refreshed.stale) staleCause = refreshed.cause ?? 'refresh-failed';
      row = await this.find(this.database, project, id);
      // It may have ended by another hand meanwhile: then nothing about it is stale.
      if (isFinal(row.state)) staleCause = undefined;
    }
    const taskRuns = options.taskRuns ? await includedTaskRuns(this.database, id) : undefined;
    return this.toJson(row, { staleCause, taskRuns });
  }

  /** The row; throws `workflow-run-not-found`, also for a run of another project. */
  async find(db: Db, project: string, id: number): Promise<RunRow> {
    const row = await readRun(db, project, id, staleAfterMs(this.config));
    if (row) return row;
    throw new Problem('workflow-run-not-found', { detail: `There is no workflow run ${id}.` });
  }

  toJson(row: ShownRun, extras?: Parameters<typeof toWorkflowRun>[2]): string {
    return toWorkflowRun(row, this.engines.capabilitiesOf(row.engine).verbs, extras);
  }

  /** Only what the engine has can be asked for. */
  private isOld(row: RunRow): boolean {
    if (isFinal(row.state) || row.outcome !== 'known') return false;
    return row.observedAgeMs === null || row.observedAgeMs > this.config.refreshMaxAgeMs;
  }
}
