import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { WakeUps } from '../dispatch/wake-ups.js';
import { Engines } from '../engines/engines.js';
import { labelProblems } from '../labels/label.js';
import type { Answer } from '../platform/answer.js';
import { Database, type Db } from '../platform/database.js';
import type { WriteRequest } from '../platform/http/write-request.js';
import { idempotent } from '../platform/idempotency.js';
import { KillPoints } from '../platform/kill-points.js';
import { Problem } from '../platform/problem.js';
import { readRunnableWorkflow } from '../workflows/workflows-store.js';
import { createRun } from './create-run.js';
import { runParameters } from './run-parameters.js';
import { toWorkflowRun, type RunRow } from './run-row.js';
import { staleAfterMs } from './stale-after.js';
import type { CreateWorkflowRun } from './workflow-run-requests.dto.js';

/** Accepts a run: stored, due and answered in one transaction; the engine is not asked here. */
@Injectable()
export class StartRun {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly wakeUps: WakeUps,
    private readonly config: Config,
    private readonly killPoints: KillPoints,
  ) {}

  /** Throws `workflow-not-found`, `workflow-not-ready`, `parameters-invalid`. */
  async start(write: WriteRequest, body: CreateWorkflowRun): Promise<Answer> {
    const errors = labelProblems(body.labels ?? [], '/labels');
    if (errors.length > 0) throw new Problem('validation-failed', { detail: 'The labels are not valid.', errors });
    let stored: RunRow | undefined;
    const answer = await idempotent(this.database, write, async (db) => {
      const row = await this.store(db, write, body);
      stored = row;
      const json = toWorkflowRun(row, this.engines.capabilitiesOf(row.engine).verbs);
      this.killPoints.reach('create.before-commit');
      return { status: 201, location: `/v1/workflow-runs/${row.id}`, json };
    });
    this.killPoints.reach('create.after-commit');
    if (stored && !answer.replayed) this.wakeUps.wake(stored.engine, stored.id);
    return answer;
  }

  private async store(db: Db, { project, traceparent }: WriteRequest, body: CreateWorkflowRun): Promise<RunRow> {
    const { title, version } = body.workflow;
    const workflow = await readRunnableWorkflow(db, project, title, version);
    if (!workflow || workflow.archived) throw notFound(title, version);
    if (workflow.registrationState === 'FAILED' || workflow.registrationState === 'RETIRED') {
      throw notReady(workflow.title, workflow.version, workflow.registrationState);
    }
    const row = await createRun(db, {
      project,
      workflowId: workflow.id,
      parameters: runParameters(workflow.parameterSchemas, body.parameters ?? {}),
      labels: body.labels ?? [],
      traceparent,
      staleAfterMs: staleAfterMs(this.config),
    });
    if (row) return row;
    // It was archived, or its registration failed, between the two statements.
    const now = await readRunnableWorkflow(db, project, title, workflow.version);
    throw !now || now.archived ? notFound(title, version) : notReady(now.title, now.version, now.registrationState);
  }
}

function notFound(title: string, version: number | undefined): Problem {
  const which = version === undefined ? '' : ` in version ${version}`;
  return new Problem('workflow-not-found', { detail: `There is no workflow ${title}${which}.` });
}

function notReady(title: string, version: number, state: string): Problem {
  return new Problem('workflow-not-ready', {
    detail: `The registration of ${title} in version ${version} is ${state}.`,
  });
}
