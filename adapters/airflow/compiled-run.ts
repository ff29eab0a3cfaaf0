/** A run of a compiled DAG by the tasks of its definition: which instances stand for what. Pure. */
import type { TaskState } from '../spi/facts.js';
import { FINAL_TASK_STATES } from '../spi/facts.js';
import { END_TASK, roleOf } from './compile/task-names.js';
import type { DagRun } from './to-run.js';
import type { TaskInstance } from './to-task-run.js';
import { stateOf } from './to-task-run.js';

/** A task without items is `own`; a fan-out has `items` (who counts), its `mapped` instances and `collect` (the whole). */
export type CompiledTask =
  | { kind: 'task'; id: string; own: TaskInstance }
  | { kind: 'fan-out'; id: string; counts: TaskInstance; mapped: TaskInstance[]; collect: TaskInstance };

export interface CompiledRun {
  tasks: CompiledTask[];
  end: TaskInstance;
  /** Since when nothing of it may go on: stopped by us, or out of time. By the engine's clock. */
  haltedAt: Date | undefined;
  timedOut: boolean;
}

/** Undefined for a run of any other DAG. */
export function compiledRun(run: DagRun, instances: readonly TaskInstance[]): CompiledRun | undefined {
  const end = instances.find(({ taskId }) => taskId === END_TASK);
  if (end === undefined) return undefined;
  const byTask = new Map<string, Partial<Record<'items' | 'collect', TaskInstance>> & { task: TaskInstance[] }>();
  for (const instance of instances) {
    const role = roleOf(instance.taskId);
    if (role.role === 'end') continue;
    const parts = byTask.get(role.task) ?? { task: [] };
    byTask.set(role.task, parts);
    if (role.role === 'task') parts.task.push(instance);
    else parts[role.role] = instance;
  }
  const timedOut = hasTimedOut(run, end);
  return {
    tasks: [...byTask].flatMap(([id, { task, items, collect }]): CompiledTask[] => {
      if (items !== undefined && collect !== undefined) {
        // Before it is expanded Airflow has one instance without an index.
        const mapped = task.filter(({ mapIndex }) => mapIndex >= 0).sort((a, b) => a.mapIndex - b.mapIndex);
        return [{ kind: 'fan-out', id, counts: items, mapped, collect }];
      }
      const own = task.find(({ mapIndex }) => mapIndex < 0);
      return own === undefined ? [] : [{ kind: 'task', id, own }];
    }),
    end,
    haltedAt: timedOut ? run.finishedAt : run.stoppedAt,
    timedOut,
  };
}

/** Without a word of its own: Airflow 3 skips what has not ended when a run takes too long, 2 leaves what has not begun. */
function isCutOff({ word, finishedAt }: TaskInstance): boolean {
  return word === null || word === 'none' || (word === 'skipped' && finishedAt === undefined);
}

/** The last task of ours always has its word, unless the time of the run was over. */
function hasTimedOut({ phase, startedAt, finishedAt, timeoutMs }: DagRun, end: TaskInstance): boolean {
  if (phase !== 'failed' || !(isCutOff(end) || end.word === 'skipped') || timeoutMs === undefined) return false;
  if (startedAt === undefined || finishedAt === undefined) return false;
  return finishedAt.getTime() - startedAt.getTime() >= timeoutMs;
}

/** Of one instance; what the end of the run's time cut off is CANCELLED. */
export function compiledState(instance: TaskInstance, { haltedAt, timedOut }: CompiledRun): TaskState {
  return timedOut && isCutOff(instance) ? 'CANCELLED' : stateOf(instance, haltedAt);
}

/** Of a task as a whole. */
export function wholeState(task: CompiledTask, run: CompiledRun): TaskState {
  if (task.kind === 'task') return compiledState(task.own, run);
  const whole = compiledState(task.collect, run);
  const counts = compiledState(task.counts, run);
  if (!FINAL_TASK_STATES.includes(whole)) return counts === 'COMPLETED' ? 'RUNNING' : 'PENDING';
  if (whole !== 'FAILED' || counts === 'CANCELLED') return counts === 'CANCELLED' ? 'CANCELLED' : whole;
  // To Airflow an item that was stopped has failed.
  const items = task.mapped.map((item) => compiledState(item, run));
  return !items.includes('FAILED') && items.includes('CANCELLED') ? 'CANCELLED' : 'FAILED';
}
