import type { TaskRun } from './api-types.js';
import { CliError } from './cli-error.js';
import { isItem } from './run-view.js';

export interface TaskChoice {
  run: number;
  task: string;
  /** Of a task with `foreach`, from 0; undefined: all of them. */
  item: number | undefined;
}

/** Which of the task runs of a task, a request is for. Throws `CliError`. */
export function chooseTaskRun(taskRuns: readonly TaskRun[], { run, task, item }: TaskChoice): TaskRun {
  const items = taskRuns.filter(isItem);
  if (item !== undefined) {
    const found = items.find((one) => one.map_index === item);
    if (found !== undefined) return found;
    if (items.length === 0) throw new CliError(`Task ${task} of run ${run} has no items.`);
    const others = items.length === 1 ? 'its only item is' : 'its items are';
    throw new CliError(`Run ${run} has no item ${item} of ${task}: ${others} ${numbers(items)}.`);
  }
  // Not every engine has something that stands for all items: then there is nothing to send it to.
  const whole = taskRuns.find((one) => !isItem(one));
  const [chosen, second] = whole === undefined ? items : [whole];
  if (chosen === undefined) throw new CliError(`Run ${run} has no task run of ${task}.`);
  if (second === undefined) return chosen;
  throw new CliError(
    `Task ${task} of run ${run} has ${items.length} items, ${numbers(items)}: choose one with --item.`,
  );
}

function numbers(items: readonly TaskRun[]): string {
  const sorted = items.map((one) => one.map_index ?? 0).sort((a, b) => a - b);
  const [first] = sorted;
  const last = sorted.at(-1);
  const dense = sorted.length > 1 && first !== undefined && last === first + sorted.length - 1;
  return dense ? `${first} to ${last}` : sorted.join(', ');
}
