/** Verbs that change a run: stop it, stop one task, begin again. Each looks first and sends nothing where nothing is to be done. */
import type { CallContext, CancelMode, CancelOutcome, RetryOutcome } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { ExecutionRef } from '../spi/facts.js';
import { readList, readObject } from '../spi/http/read-answer.js';
import type { AirflowRuns } from './airflow-runs.js';
import type { Edges } from './compiled-retry.js';
import { retryTargets, retryTaskTargets } from './compiled-retry.js';
import type { CompiledRun } from './compiled-run.js';
import { compiledRun } from './compiled-run.js';
import { externalIdOf } from './dag-name.js';
import type { Exchange, TaskName } from './dialect.js';
import { withBoundStop, withRunStop, withTaskStop } from './marks.js';
import { hasEnded } from './observe.js';
import type { DagRun } from './to-run.js';
import type { TaskInstance } from './to-task-run.js';
import { isLive } from './to-task-run.js';

const FAILED = ['failed', 'upstream_failed'];
const OPEN = [
  null,
  'none',
  'scheduled',
  'queued',
  'running',
  'restarting',
  'up_for_retry',
  'up_for_reschedule',
  'deferred',
];

/** What to clear, for a DAG of people and for a compiled one. */
interface Choice {
  native(instances: TaskInstance[], run: DagRun): TaskName[];
  compiled(run: CompiledRun, edges: Edges): TaskName[];
}

export class AirflowSteering {
  /** Airflow cannot compare before it clears: two retries of this process wait for each other. */
  readonly #retrying = new Map<string, Promise<unknown>>();

  constructor(private readonly runs: AirflowRuns) {}

  /** `force` also stops, one by one, what the run's own stop left alive. */
  async cancel(ref: ExecutionRef, mode: CancelMode, ctx: CallContext): Promise<CancelOutcome> {
    const found = await this.runs.readWithClock(ref, ctx);
    if (!found) return { outcome: 'absent' };
    const { run, now } = found;
    if (hasEnded(run)) return { outcome: 'already-final' };
    const { dialect } = await this.runs.client.version(ctx);
    await dialect.stopRun(this.exchange, run, withRunStop(run.note, now), ctx);
    if (mode === 'force') {
      for (const left of (await this.runs.instances(run, ctx)).filter(isLive)) await this.stopOne(run, left, ctx);
    }
    return { outcome: 'requested' };
  }

  async cancelTask(
    ref: ExecutionRef,
    task: { task: string; mapIndex?: number },
    ctx: CallContext,
  ): Promise<CancelOutcome> {
    const run = await this.runs.read(ref, ctx);
    if (!run) return { outcome: 'absent' };
    const instances = await this.runs.instances(run, ctx);
    const compiled = compiledRun(run, instances);
    const wanted = compiled ? stoppable(compiled, task) : instances.filter((one) => isWanted(one, task));
    if (wanted.length === 0) return { outcome: 'absent' };
    const open = wanted.filter(({ word }) => OPEN.includes(word) || word === 'awaiting_input');
    if (open.length === 0 || hasEnded(run)) return { outcome: 'already-final' };
    for (const one of open) await this.stopOne(run, one, ctx);
    return { outcome: 'requested' };
  }

  /** Clears what failed and what follows it; of a run that we stopped also what the stop kept from beginning. */
  retry(ref: ExecutionRef, baseline: string, ctx: CallContext): Promise<RetryOutcome> {
    return this.beginAgain(ref, baseline, ctx, {
      native: (instances, run) =>
        instances.filter(({ word }) => {
          if (word === null) return false;
          return FAILED.includes(word) || (run.stoppedAt !== undefined && word === 'skipped');
        }),
      compiled: retryTargets,
    });
  }

  retryTask(
    ref: ExecutionRef,
    task: { task: string; mapIndex?: number },
    baseline: string,
    ctx: CallContext,
  ): Promise<RetryOutcome> {
    return this.beginAgain(ref, baseline, ctx, {
      native: (instances) => instances.filter((one) => isWanted(one, task)),
      compiled: (run, edges) => retryTaskTargets(run, edges, task),
    });
  }

  private beginAgain(ref: ExecutionRef, baseline: string, ctx: CallContext, choose: Choice): Promise<RetryOutcome> {
    return this.inTurn(ref.key, async () => {
      const run = await this.runs.read(ref, ctx);
      if (!run) throw new EngineError('not-found', `Airflow has no run ${ref.key}`);
      if (run.baseline !== baseline) return { outcome: 'active-again' };
      if (!hasEnded(run)) {
        if (!run.stoppedAt) return { outcome: 'active-again' };
        // The scheduler writes a run that we stopped as running once more before it ends it: nobody has cleared it (seen, 2.11.2).
        throw new EngineError('conflict', 'Airflow is still stopping the run');
      }
      const instances = await this.runs.instances(run, ctx);
      const compiled = compiledRun(run, instances);
      const targets = compiled
        ? choose.compiled(compiled, await this.runs.edges(run, ctx))
        : choose.native(instances, run);
      if (targets.length === 0) return { outcome: 'nothing-to-retry', message: 'no task of the run has failed' };
      const { dialect } = await this.runs.client.version(ctx);
      // Before the clear: a mark that outlived it would make the next failure look like a stop of ours.
      if (run.stoppedAt) {
        await dialect.writeNote(this.exchange, run, withBoundStop(run.note, run.stoppedAt, run.baseline), ctx);
      }
      // Of a compiled DAG every task to clear is named: what is downstream may have done its work.
      const groups = compiled ? dialect.clearGroups(targets) : [targets];
      let cleared = 0;
      // The run begins again with the last one: until then it shows the baseline, and a repeat begins with the first.
      for (const [at, group] of groups.entries()) {
        cleared += await this.clear(run, group, { downstream: !compiled, run: at === groups.length - 1 }, ctx);
      }
      return cleared > 0
        ? { outcome: 'accepted', externalId: externalIdOf(run.dagId, run.runId) }
        : { outcome: 'nothing-to-retry', message: 'Airflow had no task to clear' };
    });
  }

  /** Task instances that were cleared. With its run: that goes back to `queued` under the same id, its tries are kept. */
  private async clear(
    run: DagRun,
    targets: readonly TaskName[],
    also: { downstream: boolean; run: boolean },
    ctx: CallContext,
  ): Promise<number> {
    const { dialect } = await this.runs.client.version(ctx);
    const body = {
      dry_run: false,
      dag_run_id: run.runId,
      ...dialect.clearTargets(targets),
      only_running: false,
      include_upstream: false,
      include_downstream: also.downstream,
      include_future: false,
      include_past: false,
      reset_dag_runs: also.run,
    };
    const path = `/dags/${encodeURIComponent(run.dagId)}/clearTaskInstances`;
    const answer = readObject(await this.runs.client.post(path, body, ctx), 'the answer to a clear');
    return readList(answer['task_instances'], 'task_instances').length;
  }

  private async stopOne(run: DagRun, task: TaskInstance, ctx: CallContext): Promise<void> {
    const { dialect } = await this.runs.client.version(ctx);
    const note = withTaskStop(task.note, task.tryNumber);
    await dialect.stopTask(this.exchange, run, task, note, ctx).catch((error: unknown) => {
      // It ended before: Airflow 3 says so.
      if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
    });
  }

  private readonly exchange: Exchange = (request, ctx) => this.runs.client.exchange(request, ctx);

  private async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#retrying.get(key);
    const mine = (before ?? Promise.resolve()).then(work, work);
    this.#retrying.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#retrying.get(key) === mine) this.#retrying.delete(key);
    }
  }
}

/** What of a task can be stopped: who counts its items, and each item. The whole follows from them. */
function stoppable(run: CompiledRun, wanted: { task: string; mapIndex?: number }): TaskInstance[] {
  return run.tasks.flatMap((task) => {
    if (task.id !== wanted.task) return [];
    if (task.kind === 'task') return wanted.mapIndex === undefined ? [task.own] : [];
    if (wanted.mapIndex === undefined) return [task.counts, ...task.mapped];
    return task.mapped.filter(({ mapIndex }) => mapIndex === wanted.mapIndex);
  });
}

/** Without an index: the task with all its items. */
function isWanted({ taskId, mapIndex }: TaskInstance, task: { task: string; mapIndex?: number }): boolean {
  return taskId === task.task && (task.mapIndex === undefined || task.mapIndex === mapIndex);
}
