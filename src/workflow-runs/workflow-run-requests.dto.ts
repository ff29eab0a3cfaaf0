import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { TASK_STATES, type TaskState } from '../../adapters/spi/facts.js';
import type { Json } from '../../definition/definition-types.js';
import { LabelDto } from '../labels/labels.dto.js';
import { LIFECYCLE_REQUESTS, type LifecycleRequestType } from '../lifecycle/lifecycle-event.js';
import { RUN_STATES, type RunState } from '../lifecycle/run-state.js';
import { OptionalInteger } from '../lists/integer.js';
import { ListQuery, PageQuery } from '../lists/list-query.dto.js';
import { IsTimestamp, QueryBoolean, QueryInteger } from '../lists/query-values.js';

const MAX_INTEGER = 2_147_483_647;

export class WorkflowReference {
  @IsString()
  @MaxLength(128)
  title!: string;

  /** Without it: the latest READY version, else the latest PENDING one. */
  @OptionalInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_INTEGER)
  version?: number;
}

export class CreateWorkflowRun {
  @IsDefined()
  @ValidateNested()
  @Type(() => WorkflowReference)
  workflow!: WorkflowReference;

  /** Values by the names of the workflow's parameters; defaults are filled in. With them 256 KiB at most, as answers show them: `1e308` has 309 digits. */
  @ApiProperty({ selfRequired: false, type: 'object', additionalProperties: true })
  @IsOptional()
  @IsObject()
  parameters?: Record<string, Json>;

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LabelDto)
  labels?: LabelDto[];
}

export class WorkflowRunsQuery extends ListQuery {
  @ApiProperty({ required: false, isArray: true, enum: RUN_STATES, description: 'Repeatable.' })
  @IsOptional()
  @IsIn(RUN_STATES, { each: true })
  state?: RunState[];

  @IsOptional()
  @IsString()
  @MaxLength(128)
  workflow_title?: string;

  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1)
  @Max(MAX_INTEGER)
  workflow_version?: number;

  @IsOptional()
  @IsString()
  @MaxLength(128)
  workflow_engine?: string;

  /** The engine's own id of an execution, of any generation. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  external_id?: string;

  /** Exclusive. */
  @IsOptional()
  @IsTimestamp()
  created_after?: string;

  /** Exclusive. */
  @IsOptional()
  @IsTimestamp()
  created_before?: string;

  /** For example `team=ml,stage in (dev,test),!archived`. */
  @IsOptional()
  @IsString()
  label_selector?: string;
}

export class WorkflowRunQuery {
  /** `task_runs` adds the task runs, 1000 at most. */
  @IsOptional()
  @IsIn(['task_runs'])
  include?: 'task_runs';

  /** `false` answers from the record without asking the engine. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  refresh: boolean = true;
}

export class LifecycleRequestBody {
  /** Of the run as the caller knows it: a request for an older one changes nothing. */
  @OptionalInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_INTEGER)
  generation?: number;

  /** Kept in the run's history. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  reason?: string;
}

export class CreateLifecycleEvent extends LifecycleRequestBody {
  @ApiProperty({ enum: LIFECYCLE_REQUESTS })
  @IsIn(LIFECYCLE_REQUESTS)
  type!: LifecycleRequestType;

  /** Only says whether the request would be accepted. */
  @IsOptional()
  @IsBoolean()
  dry_run?: boolean;
}

export const TASK_REQUESTS = ['RETRY', 'CANCEL'] as const;

export class CreateTaskLifecycleEvent extends LifecycleRequestBody {
  @ApiProperty({ enum: TASK_REQUESTS })
  @IsIn(TASK_REQUESTS)
  type!: (typeof TASK_REQUESTS)[number];

  /** Only says whether the request would be accepted. */
  @IsOptional()
  @IsBoolean()
  dry_run?: boolean;
}

export class TaskRunsQuery extends PageQuery {
  @IsOptional()
  @IsString()
  @MaxLength(250)
  task_title?: string;

  @ApiProperty({ required: false, isArray: true, enum: TASK_STATES, description: 'Repeatable.' })
  @IsOptional()
  @IsIn(TASK_STATES, { each: true })
  state?: TaskState[];
}

export class LogsQuery {
  /** From 1; without it the latest. */
  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1)
  @Max(MAX_INTEGER)
  attempt?: number;

  /** From the `Link` of the page before; without it the beginning. */
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,500}$/, { message: 'cursor is not one of this service' })
  cursor?: string;

  /** Bytes of a page at most. */
  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1024)
  @Max(8 * 1024 * 1024)
  limit: number = 1024 * 1024;
}

export const WAIT_UNTIL = ['final'] as const;

export class WaitQuery {
  @IsOptional()
  @IsIn(WAIT_UNTIL)
  until: (typeof WAIT_UNTIL)[number] = 'final';

  /** Seconds. */
  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1)
  @Max(60)
  timeout: number = 60;
}

export class SyncWorkflowRuns {
  @IsOptional()
  @IsString()
  workflow_engine?: string;

  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  label_selector?: string;
}
