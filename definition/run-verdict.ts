import type { FinalTaskState } from './trigger.js';

export interface EndedTask {
  id: string;
  state: FinalTaskState;
  allowFailure: boolean;
}

/** `failedTask` is the first, by id, of those that failed the run. */
export type RunVerdict = { phase: 'COMPLETED' } | { phase: 'FAILED'; failedTask: string };

/**
 * How a run ends, once all its tasks are final and nobody asked to cancel it. Tasks that handle a failure do not make it
 * green; a task cancelled alone or skipped does not make it red.
 */
export function runVerdict(tasks: readonly EndedTask[]): RunVerdict {
  const failed = tasks.filter(({ state, allowFailure }) => state === 'FAILED' && !allowFailure).map(({ id }) => id);
  const [first] = failed.sort();
  return first === undefined ? { phase: 'COMPLETED' } : { phase: 'FAILED', failedTask: first };
}
