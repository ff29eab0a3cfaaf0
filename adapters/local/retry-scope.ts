import type { Definition } from '../../definition/definition-types.js';
import type { LocalTaskRun } from './run-model.js';
import { WHOLE } from './run-model.js';

/** A row that a retry sets back. `keepItems`: a fan-out whose items stay known, only some of them run again. */
export interface Reset {
  task: string;
  mapIndex: number;
  keepItems: boolean;
}

/**
 * What a retry of a run that has ended starts again: every task run that is FAILED or CANCELLED, and every SKIPPED one
 * that waits for one of those. COMPLETED ones stay, also a handler of the failure: it did its work. Items that completed
 * stay with their fan-out where it keeps its items.
 */
export function retryScope(definition: Definition, taskRuns: readonly LocalTaskRun[]): Reset[] {
  const rows = byTask(taskRuns);
  const reset = new Set<string>();
  const resets: Reset[] = [];
  for (const task of definition.tasks) {
    const whole = rows.get(task.id)?.find((row) => row.mapIndex === WHOLE);
    if (whole === undefined || whole.state === 'COMPLETED') continue;
    if (whole.state === 'SKIPPED' && !task.needs.some((id) => reset.has(id))) continue;
    reset.add(task.id);
    const items = itemsOf(rows, task.id);
    const unfinished = items.filter((item) => item.state !== 'COMPLETED' && item.state !== 'SKIPPED');
    // Its items are known from needs that have ended: where one begins again, it waits and is expanded anew.
    const keepItems = unfinished.length > 0 && !task.needs.some((id) => reset.has(id));
    resets.push({ task: task.id, mapIndex: WHOLE, keepItems });
    const again = keepItems ? unfinished : items;
    resets.push(...again.map((item) => ({ task: item.task, mapIndex: item.mapIndex, keepItems: false })));
  }
  return resets;
}

/** The named task run, or all items of a fan-out, and everything downstream of it, whatever its state. */
export function retryTaskScope(
  definition: Definition,
  taskRuns: readonly LocalTaskRun[],
  chosen: { task: string; mapIndex: number },
): Reset[] {
  const rows = byTask(taskRuns);
  if (!rows.get(chosen.task)?.some((row) => row.mapIndex === chosen.mapIndex)) return [];
  const reset = new Set([chosen.task]);
  const resets: Reset[] = [];
  for (const task of definition.tasks) {
    if (!reset.has(task.id) && !task.needs.some((id) => reset.has(id))) continue;
    reset.add(task.id);
    const one = task.id === chosen.task && chosen.mapIndex !== WHOLE;
    resets.push({ task: task.id, mapIndex: WHOLE, keepItems: one });
    const items = itemsOf(rows, task.id).filter((item) => !one || item.mapIndex === chosen.mapIndex);
    resets.push(...items.map((item) => ({ task: item.task, mapIndex: item.mapIndex, keepItems: false })));
  }
  return resets;
}

function itemsOf(rows: Map<string, LocalTaskRun[]>, task: string): LocalTaskRun[] {
  return (rows.get(task) ?? []).filter((row) => row.mapIndex !== WHOLE);
}

function byTask(taskRuns: readonly LocalTaskRun[]): Map<string, LocalTaskRun[]> {
  const rows = new Map<string, LocalTaskRun[]>();
  for (const row of taskRuns) {
    const known = rows.get(row.task);
    if (known === undefined) rows.set(row.task, [row]);
    else known.push(row);
  }
  return rows;
}
