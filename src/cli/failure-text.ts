import type { Failure } from './api-types.js';

/** Why a run failed: what happened, behind the task in which it did. */
export function failureText({ message, task_title: task }: Failure): string {
  // Some engines name the task in what they say.
  return !task || message.includes(`task ${task} `) ? message : `task ${task}: ${message}`;
}
