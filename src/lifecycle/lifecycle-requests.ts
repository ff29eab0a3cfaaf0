import { Injectable } from '@nestjs/common';
import type { VerbSupport } from '../../adapters/spi/engine-adapter.js';
import { Engines } from '../engines/engines.js';
import { Database, type Db } from '../platform/database.js';
import { Problem } from '../platform/problem.js';
import { allowedActions, type AllowedAction } from './allowed-actions.js';
import type { LifecycleRequestType } from './lifecycle-event.js';
import { moveRuns } from './move-runs.js';
import { refold } from './refold.js';
import { answerRequest } from './request-answer.js';
import type { RunRecord } from './run-record.js';
import { lockRunRecords } from './run-store.js';
import { withRequest } from './with-request.js';

interface RequestDetails {
  project: string;
  runId: number;
  generation?: number | undefined;
  reason?: string | undefined;
  dryRun?: boolean | undefined;
  actor?: string | undefined;
  /** The caller's transaction; the caller wakes the dispatcher after its commit. */
  db?: Db | undefined;
}

/** Only a RETRY can be limited to one task and its downstream: any other request is about the whole run. */
export type LifecycleRequest = RequestDetails &
  (
    | { type: 'RETRY'; task?: { task: string; mapIndex?: number } | undefined }
    | { type: Exclude<LifecycleRequestType, 'RETRY'>; task?: never }
  );

export interface LifecycleAnswer {
  answer: 'accepted' | 'unchanged' | 'dry-run';
  record: RunRecord;
  action?: AllowedAction;
}

/** Turns a client's request into a wish. Nothing is sent to an engine here: the row is due, the dispatcher drives it. */
@Injectable()
export class LifecycleRequests {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
  ) {}

  /** Throws `workflow-run-not-found`, `lifecycle-conflict` (with `allowed_actions`), `engine-cannot`. */
  async request(request: LifecycleRequest): Promise<LifecycleAnswer> {
    return request.db ? this.apply(request.db, request) : this.database.transaction((db) => this.apply(db, request));
  }

  private async apply(db: Db, request: LifecycleRequest): Promise<LifecycleAnswer> {
    const [run] = await lockRunRecords(db, [request.runId]);
    if (run?.project !== request.project) {
      throw new Problem('workflow-run-not-found', { detail: `There is no workflow run ${request.runId}.` });
    }
    const { verbs, retryKind } = this.engines.capabilitiesOf(run.workflowEngine);
    const answer = answerRequest(run, request.type, verbs, request.generation);
    const wanted = withRequest(run, request.type, retryKind, request.task ?? null);
    const cannot = request.task && taskObstacle(wanted, verbs);
    if (request.dryRun === true) {
      const reason = answer.answer === 'accepted' ? cannot : answer.reason;
      const action = {
        action: request.type,
        available: reason === undefined,
        ...(reason === undefined ? {} : { reason }),
      };
      return { answer: 'dry-run', record: run, action };
    }
    if (answer.answer === 'unchanged') return { answer: 'unchanged', record: run };
    if (answer.answer === 'refused') {
      throw new Problem('lifecycle-conflict', {
        detail: `${request.type} is not possible: ${answer.reason}.`,
        extensions: { allowed_actions: allowedActions(run, verbs), state: run.state },
      });
    }
    if (cannot !== undefined) {
      throw new Problem('engine-cannot', { detail: `${request.type} is not possible: ${cannot}.` });
    }
    const moved = refold(run, wanted, {
      type: request.type,
      source: 'client',
      actor: request.actor,
      reason: request.reason,
    });
    await moveRuns(db, [{ before: run, after: moved.record, events: moved.events }]);
    if (moved.record.generation > run.generation) await markTombstone(db, run);
    return { answer: 'accepted', record: moved.record };
  }
}

/** Why the engine cannot retry one task of the run alone. */
function taskObstacle(
  { workflowEngine, execution }: RunRecord,
  verbs: Pick<VerbSupport, 'retryTask'>,
): string | undefined {
  if (verbs.retryTask === 'none') return `the engine ${workflowEngine} cannot retry a single task`;
  if (execution.verb === 'retry') return undefined;
  return `the engine ${workflowEngine} does not have the execution any more; retry the whole run`;
}

/** A generation that ended without the engine's word may still surface: it is looked for, and cancelled on sight. */
async function markTombstone(db: Db, run: RunRecord): Promise<void> {
  if (run.execution.outcome !== 'unknown' && run.execution.outcome !== 'in_flight') return;
  await db.query({
    text: `UPDATE workflow_executions SET tombstone_until = now() + interval '24 hours'
           WHERE workflow_run_id = $1 AND generation = $2 AND tombstone_until IS NULL`,
    values: [run.id, run.generation],
  });
}
