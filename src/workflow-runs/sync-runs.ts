import { Injectable } from '@nestjs/common';
import { Engines } from '../engines/engines.js';
import type { LabelTerm } from '../labels/label-selector.js';
import type { Position } from '../lists/cursor.js';
import { Database } from '../platform/database.js';
import { Problem } from '../platform/problem.js';
import { Reconciler, type RunFailure } from '../reconcile/reconciler.js';
import { listActiveRuns } from './active-runs.js';
import type { SyncSummary } from './workflow-run.dto.js';

const MAX_RUNS = 1000;
/** Pages of candidates that are looked through for them. */
const MAX_PAGES = 20;

/** Reconciles the active runs of one project now. */
@Injectable()
export class SyncRuns {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly reconciler: Reconciler,
  ) {}

  /** The oldest thousand active runs that match; what fails is listed and stops nobody else. */
  async sync(project: string, engine: string | undefined, terms: LabelTerm[]): Promise<SyncSummary> {
    if (engine !== undefined && !this.engines.get(engine)) {
      const message = `There is no engine ${JSON.stringify(engine)}.`;
      throw new Problem('validation-failed', {
        detail: message,
        errors: [{ pointer: '/workflow_engine', code: 'unknown-engine', message }],
      });
    }
    const summary: SyncSummary = { checked: 0, changed: 0, failed: [] };
    for (const [name, runIds] of await this.activeByEngine(project, engine, terms)) {
      if (!this.engines.get(name)) {
        summary.failed.push(...allFailed(runIds, 'engine-not-configured', `The engine ${name} is not configured.`));
        continue;
      }
      const pass = (await this.reconciler.pass({ engine: name, runIds })).engines[0];
      if (!pass) continue;
      summary.checked += pass.checked;
      summary.changed += pass.changed;
      summary.failed.push(...pass.failed);
      if (pass.unreachable !== undefined) {
        summary.failed.push(...allFailed(runIds, 'engine-unavailable', pass.unreachable));
      }
    }
    return summary;
  }

  private async activeByEngine(
    project: string,
    engine: string | undefined,
    terms: LabelTerm[],
  ): Promise<Map<string, number[]>> {
    const byEngine = new Map<string, number[]>();
    let position: Position | undefined;
    let left = MAX_RUNS;
    for (let page = 0; page < MAX_PAGES && left > 0; page += 1) {
      const { rows, next } = await listActiveRuns(this.database, { project, engine, terms, position, limit: left });
      for (const row of rows) byEngine.set(row.engine, [...(byEngine.get(row.engine) ?? []), row.id]);
      left -= rows.length;
      position = next;
      if (position === undefined) break;
    }
    return byEngine;
  }
}

function allFailed(runIds: number[], code: string, message: string): RunFailure[] {
  return runIds.map((id) => ({ workflow_run_id: id, code, message }));
}
