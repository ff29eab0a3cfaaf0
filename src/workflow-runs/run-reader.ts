import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Engines } from '../engines/engines.js';
import { isFinal } from '../lifecycle/run-state.js';
import { Batches } from '../platform/batches.js';
import { Database, type Db } from '../platform/database.js';
import { Problem } from '../platform/problem.js';
import { RunRefresher } from '../reconcile/run-refresher.js';
import { addWorkflowRun, engineOf, toWorkflowRun, type RunRow, type ShownRun } from './run-row.js';
import { readRun, readRuns, type RunName } from './runs-store.js';
import { staleAfterMs } from './stale-after.js';
import { includedTaskRuns } from './task-runs-store.js';

export interface ReadOptions {
  /** Whether the engine may be asked. */
  refresh: boolean;
  taskRuns?: boolean | undefined;
}

/** Requests answered from one statement at most; beyond it, more connections help more. */
const READ_AT_ONCE = 64;
/** Statements under way: while one is, the next fills. */
const STATEMENTS_AT_ONCE = 2;

/** Reads one run for an answer, after a look at the engine where the record is too old. */
@Injectable()
export class RunReader {
  /** Requests that arrive together share a statement. */
  private readonly reads: Batches<RunName, RunRow | undefined>;

  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly refresher: RunRefresher,
    private readonly config: Config,
  ) {
    this.reads = new Batches((names) => readRuns(database, names, staleAfterMs(config)), {
      size: READ_AT_ONCE,
      atOnce: STATEMENTS_AT_ONCE,
    });
  }

  /** The response as JSON text; throws `workflow-run-not-found`. */
  async read(project: string, id: number, options: ReadOptions): Promise<string> {
    let row = found(await this.reads.add({ project, id }), id);
    let staleCause: string | undefined;
    if (options.refresh && this.isOld(row)) {
      const refreshed = await this.refresher.refresh(id, row.engine);
      if (refreshed.stale) staleCause = refreshed.cause ?? 'refresh-failed';
      row = found(await this.reads.add({ project, id }), id);
      // It may have ended by another hand meanwhile: then nothing about it is stale.
      if (isFinal(row.state)) staleCause = undefined;
    }
    const taskRuns = options.taskRuns ? await includedTaskRuns(this.database, id) : undefined;
    return this.toJson(row, { staleCause, taskRuns });
  }

  /** The row; throws `workflow-run-not-found`, also for a run of another project. */
  async find(db: Db, project: string, id: number): Promise<RunRow> {
    return found(await readRun(db, { project, id }, staleAfterMs(this.config)), id);
  }

  toJson(row: ShownRun, extras?: Parameters<typeof toWorkflowRun>[2]): string {
    return toWorkflowRun(row, this.engines.capabilitiesOf(engineOf(row)).verbs, extras);
  }

  /** JSON texts of the runs, with commas between them. */
  toItems(rows: readonly ShownRun[]): string {
    const pieces: string[] = [];
    for (const row of rows) {
      if (pieces.length > 0) pieces.push(',');
      addWorkflowRun(pieces, row, this.engines.capabilitiesOf(engineOf(row)).verbs);
    }
    return pieces.join('');
  }

  /** Only what the engine has can be asked for. */
  private isOld(row: RunRow): boolean {
    if (isFinal(row.state) || row.outcome !== 'known') return false;
    return row.observedAgeMs === null || row.observedAgeMs > this.config.refreshMaxAgeMs;
  }
}

function found(row: RunRow | undefined, id: number): RunRow {
  if (row) return row;
  throw new Problem('workflow-run-not-found', { detail: `There is no workflow run ${id}.` });
}
