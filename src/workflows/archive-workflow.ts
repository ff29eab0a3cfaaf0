import { Injectable } from '@nestjs/common';
import { WakeUps } from '../dispatch/wake-ups.js';
import { LifecycleRequests } from '../lifecycle/lifecycle-requests.js';
import { Database, type Db } from '../platform/database.js';
import { Problem } from '../platform/problem.js';

const ACTIVE = `('PENDING', 'SCHEDULED', 'RUNNING', 'PAUSED', 'RETRYING', 'CANCELLING')`;
/** Runs cancelled between two looks at what is left. */
const BATCH = 200;

/** Takes a version out of use. Its runs stay, and nothing is deleted on the engine. */
@Injectable()
export class ArchiveWorkflow {
  constructor(
    private readonly database: Database,
    private readonly requests: LifecycleRequests,
    private readonly wakeUps: WakeUps,
  ) {}

  /**
   * Once the version is archived no run of it can begin; then, with `force`, the active ones are cancelled one by one. A
   * repeat after a crash goes on where it stopped. Throws `workflow-not-found`, `workflow-has-active-runs`.
   */
  async archive(project: string, title: string, version: number, force: boolean): Promise<void> {
    const { id, engine } = await this.database.transaction((db) => this.mark(db, project, title, version, force));
    if (!force) return;
    for (;;) {
      const ids = await this.uncancelled(id);
      for (const runId of ids) {
        await this.requests.request({ project, runId, type: 'CANCEL', reason: 'the workflow was archived' });
      }
      if (ids.length > 0) this.wakeUps.wake(engine);
      if (ids.length < BATCH) return;
    }
  }

  private async mark(
    db: Db,
    project: string,
    title: string,
    version: number,
    force: boolean,
  ): Promise<{ id: number; engine: string }> {
    // Waits for creations of runs under way, which hold the row FOR SHARE: they are counted below.
    const { rows } = await db.query<{ id: number; engine: string }>({
      name: 'workflows.lock',
      text: `SELECT id, workflow_engine AS engine FROM workflows
             WHERE project = $1 AND title = $2 AND version = $3::bigint FOR UPDATE`,
      values: [project, title, version],
    });
    const workflow = rows[0];
    if (!workflow) {
      throw new Problem('workflow-not-found', { detail: `There is no workflow ${title} in version ${version}.` });
    }
    if (!force && (await this.hasActiveRuns(db, workflow.id))) {
      throw new Problem('workflow-has-active-runs', {
        detail: `Version ${version} of ${title} has active runs. Wait for them, or repeat with force=true to cancel them.`,
      });
    }
    await db.query({
      name: 'workflows.archive',
      text: 'UPDATE workflows SET archived_at = now() WHERE id = $1 AND archived_at IS NULL',
      values: [workflow.id],
    });
    return workflow;
  }

  private async hasActiveRuns(db: Db, workflowId: number): Promise<boolean> {
    const { rowCount } = await db.query({
      name: 'workflows.has-active-runs',
      text: `SELECT FROM workflow_runs WHERE workflow_id = $1 AND state IN ${ACTIVE} LIMIT 1`,
      values: [workflowId],
    });
    return rowCount > 0;
  }

  private async uncancelled(workflowId: number): Promise<number[]> {
    const { rows } = await this.database.query<{ id: number }>({
      name: 'workflows.uncancelled-runs',
      text: `SELECT id FROM workflow_runs
             WHERE workflow_id = $1 AND state IN ${ACTIVE} AND desired <> 'cancelled' ORDER BY id LIMIT $2`,
      values: [workflowId, BATCH],
    });
    return rows.map((row) => row.id);
  }
}
