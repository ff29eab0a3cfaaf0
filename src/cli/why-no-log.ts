import type { TaskRun } from './api-types.js';
import { isItem, overallState } from './run-view.js';

/** A sentence on task runs none of which has begun: those of `task`, or of the whole run. `ended`: the run has. */
export function whyNoLog(
  taskRuns: readonly TaskRun[],
  { task, ended }: { task: string | undefined; ended: boolean },
): string {
  if (task === undefined) return ended ? 'No task has begun.' : 'No task has begun yet.';
  const whole = taskRuns.find((taskRun) => !isItem(taskRun)) ?? taskRuns[0];
  const reason = whole?.failure?.message ?? whole?.state_reason;
  const because = reason ? ` (${reason})` : '';
  switch (overallState(taskRuns)) {
    case 'SKIPPED':
      return `${task} was skipped${because}: it has no log.`;
    case 'CANCELLED':
      return `${task} was cancelled before it began${because}: it has no log.`;
    case 'FAILED':
      return `${task} failed before it began${because}: it has no log.`;
    case 'COMPLETED':
      return `${task} completed without an attempt: it has no log.`;
    default:
      return ended ? `${task} did not begin.` : `${task} has not begun yet.`;
  }
}
