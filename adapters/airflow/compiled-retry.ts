/** Which instances a retry of a compiled DAG clears, so that the same tasks begin again as on the local engine. Pure. */
import { END_TASK, collectTask, itemsTask, roleOf } from './compile/task-names.js';
import type { CompiledRun, CompiledTask } from './compiled-run.js';
import { compiledState, wholeState } from './compiled-run.js';
import type { TaskName } from './dialect.js';

/** Task of Airflow -> those right after it. */
export type Edges = ReadonlyMap<string, readonly string[]>;

/**
 * Every task that is FAILED or CANCELLED, and every SKIPPED one that waits for one of those. COMPLETED ones stay, also a
 * handler of the failure: it did its work. Empty when there is none.
 */
export function retryTargets(run: CompiledRun, edges: Edges): TaskName[] {
  const needs = needsOf(edges);
  const reset = new Set<string>();
  const targets: TaskName[] = [];
  for (const task of inOrder(run.tasks, needs)) {
    const state = wholeState(task, run);
    if (state === 'COMPLETED') continue;
    if (state === 'SKIPPED' && !(needs.get(task.id) ?? []).some((id) => reset.has(id))) continue;
    reset.add(task.id);
    targets.push(...partsAgain(task, run));
  }
  return withEnd(targets);
}

/** The named task run, or all items of a fan-out, and everything downstream of it, whatever its state. */
export function retryTaskTargets(
  run: CompiledRun,
  edges: Edges,
  chosen: { task: string; mapIndex?: number },
): TaskName[] {
  const needs = needsOf(edges);
  const reset = new Set<string>();
  const targets: TaskName[] = [];
  for (const task of inOrder(run.tasks, needs)) {
    const isChosen = task.id === chosen.task;
    if (!isChosen && !(needs.get(task.id) ?? []).some((id) => reset.has(id))) continue;
    const { mapIndex } = chosen;
    if (isChosen && mapIndex !== undefined) {
      const exists = task.kind === 'fan-out' && task.mapped.some((item) => item.mapIndex === mapIndex);
      if (!exists) return [];
      targets.push({ taskId: task.id, mapIndex }, whole(collectTask(task.id)));
    } else targets.push(...allParts(task));
    reset.add(task.id);
  }
  return withEnd(targets);
}

/** Items that are known stay known; where none has to run again the fan-out is counted anew. One may be cleared already. */
function partsAgain(task: CompiledTask, run: CompiledRun): TaskName[] {
  if (task.kind === 'task') return [whole(task.id)];
  const again = task.mapped.filter((item) => !['COMPLETED', 'SKIPPED'].includes(compiledState(item, run)));
  if (again.length === 0) return allParts(task);
  return [...again.map(({ taskId, mapIndex }) => ({ taskId, mapIndex })), whole(collectTask(task.id))];
}

function allParts(task: CompiledTask): TaskName[] {
  if (task.kind === 'task') return [whole(task.id)];
  return [whole(itemsTask(task.id)), whole(task.id), whole(collectTask(task.id))];
}

function whole(taskId: string): TaskName {
  return { taskId, mapIndex: -1 };
}

function withEnd(targets: TaskName[]): TaskName[] {
  return targets.length === 0 ? [] : [...targets, whole(END_TASK)];
}

/** Of tasks of the definition, whatever stands for them. */
function needsOf(edges: Edges): Map<string, string[]> {
  const needs = new Map<string, string[]>();
  for (const [taskId, downstream] of edges) {
    const from = roleOf(taskId);
    for (const next of downstream) {
      const to = roleOf(next);
      if (from.role === 'end' || to.role === 'end' || from.task === to.task) continue;
      needs.set(to.task, [...(needs.get(to.task) ?? []), from.task]);
    }
  }
  return needs;
}

/** Each task after its needs. */
function inOrder(tasks: readonly CompiledTask[], needs: ReadonlyMap<string, readonly string[]>): CompiledTask[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const ordered = new Map<string, CompiledTask>();
  const place = (id: string): void => {
    const task = byId.get(id);
    if (task === undefined) return;
    byId.delete(id);
    (needs.get(id) ?? []).forEach(place);
    ordered.set(id, task);
  };
  for (const id of tasks.map((task) => task.id)) place(id);
  return [...ordered.values()];
}
