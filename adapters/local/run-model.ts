import type { Definition, Json } from '../../definition/definition-types.js';
import type { CancelMode } from '../spi/engine-adapter.js';
import type { Failure, RunPhase } from '../spi/facts.js';

/** A run as its owner knows it: the rows of `runs` and `task_runs`, parsed. */
export interface LocalRun {
  id: number;
  key: string;
  workflowRunId: string;
  traceparent: string;
  definition: Definition;
  parameters: Record<string, Json>;
  phase: RunPhase;
  round: number;
  cancelMode: CancelMode | null;
  pauseWanted: boolean;
  /** Intents up to this one have been read. */
  intentSeq: number;
  roundStartedAt: Date | null;
  startedAt: Date | null;
  tasks: LocalTaskRun[];
}

/** The engine never uses PAUSED for a task: a paused run starts no task, and one that runs goes on. */
export type LocalTaskState =
  'PENDING' | 'SCHEDULED' | 'RUNNING' | 'RETRYING' | 'COMPLETED' | 'FAILED' | 'SKIPPED' | 'CANCELLED';

export interface LocalTaskRun {
  task: string;
  /** -1 for a task that is no item; a fan-out has one row of -1 that stands for the whole. */
  mapIndex: number;
  state: LocalTaskState;
  stateReason: string | null;
  attempt: number;
  /** Spent in this round. */
  retriesUsed: number;
  /** Attempts in a row that ended before user code ran. */
  falseStarts: number;
  nextAttemptAt: Date | null;
  item: Json | undefined;
  /** Of a fan-out: how many items, null until they are known. */
  itemCount: number | null;
  cancelWanted: boolean;
  outputs: Record<string, Json> | null;
  failure: Failure | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** A fan-out or task as a whole, not one item. */
export const WHOLE = -1;

/** How an attempt ended, as far as its records tell. */
export type AttemptEnding =
  | {
      kind: 'exited';
      startedAt: Date;
      finishedAt: Date;
      exitCode: number | null;
      signal: string | null;
      timedOut: boolean;
      stopped: boolean;
      refused?: { code: string; message: string };
      /** Read for an exit code of 0 only. */
      outputs?: Record<string, Json>;
      outputFailure?: Failure;
    }
  | { kind: 'never-ran'; at: Date; message: string }
  | { kind: 'lost'; at: Date; message: string };

export function isFinalTask(state: LocalTaskState): boolean {
  return state === 'COMPLETED' || state === 'FAILED' || state === 'SKIPPED' || state === 'CANCELLED';
}

/** An attempt of it is open. */
export function isLiveTask(state: LocalTaskState): boolean {
  return state === 'SCHEDULED' || state === 'RUNNING';
}

export function isFinalPhase(phase: RunPhase): boolean {
  return phase === 'succeeded' || phase === 'failed' || phase === 'cancelled';
}
