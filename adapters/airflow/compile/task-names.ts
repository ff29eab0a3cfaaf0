/** Names of a compiled workflow in Airflow, and back. Pure. No id of ours holds an underscore, so that none is taken. */

const ITEMS = '__items';
const COLLECT = '__collect';
/** The task that decides how the run ends: where a run has it, its DAG was compiled. */
export const END_TASK = 'signalbox__end';

export function itemsTask(task: string): string {
  return task + ITEMS;
}

export function collectTask(task: string): string {
  return task + COLLECT;
}

/** What a task of Airflow is to the definition: the task itself (or its items), or one of ours around it. */
export type TaskRole = { role: 'task' | 'items' | 'collect'; task: string } | { role: 'end' };

export function roleOf(taskId: string): TaskRole {
  if (taskId === END_TASK) return { role: 'end' };
  if (taskId.endsWith(ITEMS)) return { role: 'items', task: taskId.slice(0, -ITEMS.length) };
  if (taskId.endsWith(COLLECT)) return { role: 'collect', task: taskId.slice(0, -COLLECT.length) };
  return { role: 'task', task: taskId };
}
