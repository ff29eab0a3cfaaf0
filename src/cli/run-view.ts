import type { Task, TaskAttempt, TaskRun, WorkflowRun } from './api-types.js';

/** One look at a run: what the live view draws. */
export interface RunView {
  run: WorkflowRun;
  /** Empty while the engine has not described the workflow. */
  tasks: Task[];
  /** The service did not answer the last time. */
  lost: boolean;
}

/** A task of the workflow as far as the run has come with it. */
export interface TaskView {
  title: string;
  after: string[];
  /** Of the task as a whole; absent before it starts, and where an engine reports items only. */
  taskRun?: TaskRun;
  /** Of the items under `foreach`. */
  items: TaskRun[];
}

/** The tasks in an order in which each stands after all it needs, ties by id; task runs of unknown tasks last. */
export function taskViews(view: RunView): TaskView[] {
  const byTitle = new Map<string, TaskRun[]>();
  for (const taskRun of view.run.task_runs ?? []) {
    const list = byTitle.get(taskRun.task_title) ?? [];
    list.push(taskRun);
    byTitle.set(taskRun.task_title, list);
  }
  const titles = new Map(view.tasks.map((task) => [task.id, task.title]));
  const known = inOrder(view.tasks).map((task) => ({
    title: task.title,
    after: task.upstream_task_ids.map((id) => titles.get(id)).filter((title) => title !== undefined),
    ...take(byTitle, task.title),
  }));
  const unknown = [...byTitle.keys()].map((title) => ({ title, after: [], ...take(byTitle, title) }));
  return [...known, ...unknown];
}

/** How a task as a whole stands: that of its task run, or of all of them together. */
export function overallState(taskRuns: readonly TaskRun[]): string {
  const states = new Set(taskRuns.map((taskRun) => taskRun.state));
  const [only] = states;
  if (states.size <= 1) return only ?? 'PENDING';
  for (const state of ['RUNNING', 'RETRYING', 'PAUSED', 'SCHEDULED']) if (states.has(state)) return state;
  if (states.has('PENDING')) return 'RUNNING';
  for (const state of ['FAILED', 'CANCELLED']) if (states.has(state)) return state;
  return 'COMPLETED';
}

/** Attempts that are over and are not the end of the task run: a retry followed, or will. */
export function pastAttempts(taskRun: TaskRun): TaskAttempt[] {
  const isItsEnd = (attempt: TaskAttempt): boolean =>
    attempt.attempt === taskRun.attempt && Boolean(taskRun.finished_at);
  return (taskRun.attempts ?? []).filter((attempt) => attempt.finished_at && !isItsEnd(attempt));
}

/** The name of one task run: `load`, or `load[3]` under `foreach`. */
export function taskRunName(taskRun: Pick<TaskRun, 'task_title' | 'map_index'>): string {
  return isItem(taskRun) ? `${taskRun.task_title}[${taskRun.map_index}]` : taskRun.task_title;
}

function inOrder(tasks: readonly Task[]): Task[] {
  const waiting = [...tasks].sort((a, b) => a.id - b.id);
  const placed = new Set<number>();
  const present = new Set(waiting.map((task) => task.id));
  const order: Task[] = [];
  while (waiting.length > 0) {
    const at = waiting.findIndex((task) => task.upstream_task_ids.every((id) => placed.has(id) || !present.has(id)));
    // The service never hands out a cycle; if it did, the order would matter less than an end.
    const [next] = waiting.splice(Math.max(0, at), 1);
    if (next === undefined) break;
    placed.add(next.id);
    order.push(next);
  }
  return order;
}

function take(map: Map<string, TaskRun[]>, title: string): Pick<TaskView, 'taskRun' | 'items'> {
  const taskRuns = map.get(title) ?? [];
  map.delete(title);
  const items = taskRuns.filter(isItem).sort((a, b) => (a.map_index ?? 0) - (b.map_index ?? 0));
  const whole = taskRuns.find((taskRun) => !isItem(taskRun));
  return { items, ...(whole === undefined ? {} : { taskRun: whole }) };
}

/** Whether it is one of those under `foreach`. */
export function isItem(taskRun: Pick<TaskRun, 'map_index'>): boolean {
  return typeof taskRun.map_index === 'number' && taskRun.map_index >= 0;
}
