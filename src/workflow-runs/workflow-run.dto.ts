/** What is answered about workflow runs. */
import { ApiProperty } from '@nestjs/swagger';
import { FAILURE_CLASSES, TASK_STATES, type FailureClass, type TaskState } from '../../adapters/spi/facts.js';
import { LabelDto } from '../labels/labels.dto.js';
import {
  LIFECYCLE_EVENT_TYPES,
  LIFECYCLE_REQUESTS,
  LIFECYCLE_SOURCES,
  type LifecycleEventType,
  type LifecycleRequestType,
  type LifecycleSource,
} from '../lifecycle/lifecycle-event.js';
import { RUN_STATES, type RunState } from '../lifecycle/run-state.js';
import { Integer, OptionalInteger } from '../lists/integer.js';

const TIME = { format: 'date-time' };
const OPTIONAL_TIME = { format: 'date-time', required: false };
const VALUES = { type: 'object' as const, additionalProperties: true };

export class WorkflowOfRun {
  @Integer()
  id!: number;
  title!: string;
  @Integer()
  version!: number;
}

export class FailureDto {
  @ApiProperty({ enum: FAILURE_CLASSES })
  class!: FailureClass;
  /** Stable: programs act on it. */
  code!: string;
  message!: string;
  task_title?: string;
}

/** A lifecycle request and whether it would be accepted (202) now. */
export class AllowedActionDto {
  @ApiProperty({ enum: LIFECYCLE_REQUESTS })
  action!: LifecycleRequestType;
  available!: boolean;
  /** Why it is not available. */
  reason?: string;
}

export class TaskAttempt {
  /** From 1, only grows. */
  @Integer()
  attempt!: number;
  @ApiProperty({ enum: TASK_STATES })
  state!: TaskState;
  @ApiProperty(OPTIONAL_TIME)
  started_at?: string;
  @ApiProperty(OPTIONAL_TIME)
  finished_at?: string;
  @OptionalInteger()
  exit_code?: number;
  failure?: FailureDto;
}

/** One execution of a task within a run. */
export class TaskRun {
  @Integer()
  id!: number;
  @Integer()
  task_id!: number;
  task_title!: string;
  @Integer()
  workflow_run_id!: number;
  /** Position in a fan-out, from 0; absent for a task that is not one. */
  @OptionalInteger()
  map_index?: number;
  external_id?: string;
  engine_url?: string;
  @ApiProperty({ enum: TASK_STATES })
  state!: TaskState;
  state_reason?: string;
  /** Of the latest attempt; 0 = none yet. */
  @Integer()
  attempt!: number;
  @ApiProperty({ ...VALUES, selfRequired: false })
  outputs?: Record<string, unknown>;
  failure?: FailureDto;
  @ApiProperty(OPTIONAL_TIME)
  started_at?: string;
  @ApiProperty(OPTIONAL_TIME)
  finished_at?: string;
  @ApiProperty(OPTIONAL_TIME)
  observed_at?: string;
  /** Closed with its run, not seen to end. */
  inferred!: boolean;
  attempts?: TaskAttempt[];
}

export class TaskRunList {
  items!: TaskRun[];
  next_cursor?: string;
}

/** One requested execution of a workflow version. */
export class WorkflowRun {
  @Integer()
  id!: number;
  workflow!: WorkflowOfRun;
  workflow_engine!: string;
  @ApiProperty({ enum: RUN_STATES })
  state!: RunState;
  state_reason?: string;
  /** Exactly when FAILED. */
  failure?: FailureDto;
  labels!: LabelDto[];
  @ApiProperty({ ...VALUES, description: 'Effective values, defaults filled in.' })
  parameters!: Record<string, unknown>;
  @ApiProperty({ ...VALUES, selfRequired: false, description: 'Once COMPLETED, what the workflow declares.' })
  outputs?: Record<string, unknown>;
  /** The engine's own id of the execution. */
  external_id?: string;
  engine_url?: string;
  @ApiProperty({ enum: ['api', 'schedule', 'engine'] })
  origin!: 'api' | 'schedule' | 'engine';
  /** Counts retries, from 1. */
  @Integer()
  generation!: number;
  allowed_actions!: AllowedActionDto[];
  @ApiProperty(TIME)
  created_at!: string;
  @ApiProperty(TIME)
  updated_at!: string;
  @ApiProperty(OPTIONAL_TIME)
  submitted_at?: string;
  @ApiProperty(OPTIONAL_TIME)
  started_at?: string;
  @ApiProperty(OPTIONAL_TIME)
  finished_at?: string;
  @ApiProperty({ ...OPTIONAL_TIME, description: 'When the engine was seen in this state.' })
  observed_at?: string;
  /** The engine could not be asked, or not lately, or does not have the run: the state may be older than it should be. */
  stale!: boolean;
  /** Why it is stale. */
  stale_cause?: string;
  /** With `include=task_runs`. */
  task_runs?: TaskRun[];
}

export class WorkflowRunList {
  items!: WorkflowRun[];
  next_cursor?: string;
  /** With `count=estimate`. */
  @OptionalInteger()
  estimated_count?: number;
}

/** A request of a client or a transition: one entry of a run's history. */
export class LifecycleEvent {
  /** From 1 without gaps, per run. */
  @Integer()
  seq!: number;
  @ApiProperty({ enum: LIFECYCLE_EVENT_TYPES })
  type!: LifecycleEventType;
  @ApiProperty({ enum: RUN_STATES, required: false })
  from?: RunState;
  @ApiProperty({ enum: RUN_STATES, required: false })
  to?: RunState;
  @Integer()
  generation!: number;
  @ApiProperty({ enum: LIFECYCLE_SOURCES })
  source!: LifecycleSource;
  actor?: string;
  reason?: string;
  @ApiProperty(TIME)
  at!: string;
}

export class LifecycleEventList {
  items!: LifecycleEvent[];
  next_cursor?: string;
}

export class SyncFailure {
  @Integer()
  workflow_run_id!: number;
  code!: string;
  message!: string;
}

export class SyncSummary {
  /** Active runs that were looked at, 1000 at most. */
  @Integer()
  checked!: number;
  @Integer()
  changed!: number;
  failed!: SyncFailure[];
}
