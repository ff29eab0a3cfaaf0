/** What adapters report: facts about an engine at one moment, never instructions. */
import type { Json } from '../../definition/definition-types.js';

/** Where a workflow execution is in its life, in words no engine owns. */
export const RUN_PHASES = ['scheduled', 'running', 'paused', 'succeeded', 'failed', 'cancelled'] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

export const FINAL_PHASES: readonly RunPhase[] = ['succeeded', 'failed', 'cancelled'];

export const TASK_STATES = [
  'PENDING',
  'SCHEDULED',
  'RUNNING',
  'PAUSED',
  'RETRYING',
  'COMPLETED',
  'FAILED',
  'SKIPPED',
  'CANCELLED',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const FINAL_TASK_STATES: readonly TaskState[] = ['COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED'];

export const FAILURE_CLASSES = ['user', 'platform', 'engine', 'timeout'] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

export interface Failure {
  class: FailureClass;
  /** kebab-case, stable. */
  code: string;
  message: string;
  task_title?: string;
}

/** Who a run is on the engine. `key` is ours and stored before any call; the rest is the engine's, once known. */
export interface ExecutionRef {
  /**
   * `sb-` + 26 characters of [a-z2-7] + `-g` + generation of the submit that made it. With `eb-` before them it began on the
   * engine, which knows nothing of the key: see `born.ts`.
   */
  key: string;
  /**
   * The workflow version: engines that file executions under definitions need it. `reference` is the text of a definition in
   * that format, and absent for all others: there the engine's own name of the workflow cannot be told from ours.
   */
  workflow: { id: string; title: string; version: number; reference?: string };
  /** The engine's own id of the execution; absent until the engine told us. */
  externalId?: string;
  /** The engine's own identity of the object where names can be reused (Kubernetes uid). */
  engineUid?: string;
}

export interface AttemptFacts {
  attempt: number;
  state: TaskState;
  startedAt?: Date;
  finishedAt?: Date;
  exitCode?: number;
  failure?: Failure;
  externalId?: string;
}

export interface TaskRunFacts {
  /** Title of the task in the task graph; nested groups as `outer.inner`. */
  task: string;
  /** Position in a fan-out, from 0; absent for a task that is not one. */
  mapIndex?: number;
  state: TaskState;
  stateReason?: string;
  /** Counts from 1 and only grows, over retries of the run too; 0 = none yet. */
  attempt: number;
  startedAt?: Date;
  finishedAt?: Date;
  outputs?: Record<string, Json>;
  failure?: Failure;
  externalId?: string;
  engineUrl?: string;
  /** Every attempt the engine still knows, oldest first. */
  attempts?: AttemptFacts[];
}

export interface PresentExecution {
  presence: 'present';
  key: string;
  externalId: string;
  engineUid?: string;
  engineUrl?: string;
  /** Absent when the engine used a word this adapter does not know: the last phase is kept, the word counted. */
  phase?: RunPhase;
  /** The engine's own word. */
  engineState: string;
  /** A reason that is not a state, e.g. `engine-definition-paused`. */
  stateReason?: string;
  failure?: Failure;
  /** The engine carries the marks of a stop on request (Argo spec.shutdown, Temporal CANCELED, tasks stopped after our call). */
  stopEvidence: boolean;
  startedAt?: Date;
  finishedAt?: Date;
  /** Declared outputs of the run, once it succeeded. */
  outputs?: Record<string, Json>;
  /** What a retry would have to change, compared as text (task try numbers; uid and startedAt; number of rounds). */
  baseline?: string;
  /** Tasks the engine still executes although the phase may be final. */
  liveTasks?: number;
  /** All task runs, only where the whole execution was read. */
  taskRuns?: TaskRunFacts[];
}

/** `absent` is a positive not-found for this key; `unread` = no statement, e.g. a list that lacks it or an error. */
export type Observation =
  PresentExecution | { presence: 'absent'; key: string } | { presence: 'unread'; key: string; reason: string };

export interface TaskFacts {
  title: string;
  displayName?: string;
  type?: string;
  downstream: string[];
}

export interface TaskGraph {
  tasks: TaskFacts[];
}
