import { Injectable } from '@nestjs/common';
import { WakeUps } from '../dispatch/wake-ups.js';
import { engineProblem } from '../engines/engine-problem.js';
import { Engines } from '../engines/engines.js';
import { LifecycleRequests } from '../lifecycle/lifecycle-requests.js';
import { Answer } from '../platform/answer.js';
import { Database } from '../platform/database.js';
import type { WriteRequest } from '../platform/http/write-request.js';
import { askThenWrite } from '../platform/ask-then-write.js';
import { idempotent } from '../platform/idempotency.js';
import { Problem } from '../platform/problem.js';
import { FINAL_TASK_STATES } from '../../adapters/spi/facts.js';
import { RunReader } from './run-reader.js';
import { TaskRunAccess, type TaskRunPath } from './task-run-access.js';
import type { TaskRunFacts } from './task-runs-store.js';
import type { CreateTaskLifecycleEvent } from './workflow-run-requests.dto.js';
import type { AllowedActionDto } from './workflow-run.dto.js';

/** Who acts on a request. */
@Injectable()
export class TaskWork {
  constructor(
    readonly requests: LifecycleRequests,
    readonly wakeUps: WakeUps,
  ) {}
}

/** Requests about one task run. */
@Injectable()
export class TaskRequests {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
    private readonly work: TaskWork,
    private readonly access: TaskRunAccess,
    private readonly reader: RunReader,
  ) {}

  /** Answers with the run. Throws `task-run-not-found`, `lifecycle-conflict`, `engine-cannot`, `engine-unavailable`. */
  async request(
    write: WriteRequest,
    path: TaskRunPath,
    body: CreateTaskLifecycleEvent,
  ): Promise<Answer | AllowedActionDto | undefined> {
    const taskRun = await this.access.find(path);
    const verb = body.type === 'RETRY' ? 'retryTask' : 'cancelTask';
    if (this.engines.capabilitiesOf(taskRun.engine).verbs[verb] === 'none') {
      const reason = `the engine ${taskRun.engine} cannot ${body.type.toLowerCase()} a single task`;
      if (body.dry_run === true) return { action: body.type, available: false, reason };
      throw new Problem('engine-cannot', { detail: `${body.type} is not possible: ${reason}.` });
    }
    return body.type === 'RETRY' ? this.retry(write, taskRun, body) : this.cancel(write, taskRun, body);
  }

  private async retry(
    write: WriteRequest,
    taskRun: TaskRunFacts,
    body: CreateTaskLifecycleEvent,
  ): Promise<Answer | AllowedActionDto | undefined> {
    const wish = {
      project: write.project,
      runId: taskRun.runId,
      type: 'RETRY' as const,
      generation: body.generation ?? undefined,
      reason: body.reason ?? undefined,
      task: { task: taskRun.task, ...(taskRun.mapIndex < 0 ? {} : { mapIndex: taskRun.mapIndex }) },
    };
    if (body.dry_run === true) return (await this.work.requests.request({ ...wish, dryRun: true })).action;
    const answer = await idempotent(this.database, write, async (db) => {
      const { answer: said } = await this.work.requests.request({ ...wish, db });
      const row = await this.reader.find(db, write.project, taskRun.runId);
      return { status: said === 'accepted' ? 202 : 200, json: this.reader.toJson(row) };
    });
    if (!answer.replayed) this.work.wakeUps.wake(taskRun.engine);
    return answer;
  }

  /**
   * The engine is told at once and nothing is stored: 202 means that it took the request, and without its answer there is
   * none (503, to be repeated). So no wish is left that anybody would have to drive.
   */
  private async cancel(
    write: WriteRequest,
    taskRun: TaskRunFacts,
    body: CreateTaskLifecycleEvent,
  ): Promise<Answer | AllowedActionDto> {
    const reason = whyNot(taskRun, body.generation);
    if (body.dry_run === true) {
      return { action: 'CANCEL', available: reason === undefined, ...(reason === undefined ? {} : { reason }) };
    }
    const tell = async (): Promise<boolean> => reason === undefined && (await this.tell(taskRun));
    return askThenWrite(this.database, write, tell, async (db, requested) => {
      const row = await this.reader.find(db, write.project, taskRun.runId);
      return { status: requested ? 202 : 200, json: this.reader.toJson(row) };
    });
  }

  private async tell(taskRun: TaskRunFacts): Promise<boolean> {
    const { gateway } = this.engines.require(taskRun.engine);
    const ref = {
      key: taskRun.key,
      workflow: { ...taskRun.workflow, id: String(taskRun.workflow.id) },
      ...(taskRun.externalId === null ? {} : { externalId: taskRun.externalId }),
      ...(taskRun.engineUid === null ? {} : { engineUid: taskRun.engineUid }),
    };
    const task = { task: taskRun.task, ...(taskRun.mapIndex < 0 ? {} : { mapIndex: taskRun.mapIndex }) };
    try {
      const said = await gateway.call('cancelTask', { class: 'intent' }, async (adapter, ctx) =>
        adapter.cancelTask?.(ref, task, ctx),
      );
      return said?.outcome === 'requested';
    } catch (error) {
      throw engineProblem(error, taskRun.engine);
    }
  }
}

function whyNot(taskRun: TaskRunFacts, generation: number | null | undefined): string | undefined {
  if (generation != null && generation < taskRun.generation) {
    return `the run is in generation ${taskRun.generation} already`;
  }
  return FINAL_TASK_STATES.includes(taskRun.state) ? `the task run is ${taskRun.state}` : undefined;
}
