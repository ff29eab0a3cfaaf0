/** What is answered about workflows. */
import { ApiProperty } from '@nestjs/swagger';
import { DEFINITION_FORMATS, type DefinitionFormat } from '../../adapters/spi/engine-adapter.js';
import { LabelDto } from '../labels/labels.dto.js';
import { WorkflowParameterDto } from './workflow-requests.dto.js';
import { Integer, OptionalInteger } from '../lists/integer.js';

export const REGISTRATION_STATES = ['PENDING', 'READY', 'FAILED', 'RETIRED'] as const;

/** One thing said about a definition. */
export class DiagnosticDto {
  @ApiProperty({ enum: ['error', 'warning'] })
  severity!: 'error' | 'warning';
  /** Stable: programs act on it. */
  code!: string;
  message!: string;
  /** JSON pointer into the definition. */
  pointer!: string;
  /** From 1. */
  @OptionalInteger()
  line?: number;
  /** From 1. */
  @OptionalInteger()
  column?: number;
}

/** Whether the engine has taken the workflow in. */
export class RegistrationDto {
  @ApiProperty({ enum: REGISTRATION_STATES })
  state!: (typeof REGISTRATION_STATES)[number];
  diagnostics!: DiagnosticDto[];
  @ApiProperty({ format: 'date-time' })
  updated_at!: string;
}

/** Title, immutable version, engine, definition. */
export class Workflow {
  @Integer()
  id!: number;
  title!: string;
  display_name?: string;
  /** Dense per title, never reused. */
  @Integer()
  version!: number;
  workflow_engine!: string;
  @ApiProperty({ enum: DEFINITION_FORMATS })
  definition_format!: DefinitionFormat;
  /** Not in lists. */
  definition?: string;
  /** sha256 over format and text, hexadecimal. */
  definition_digest!: string;
  workflow_parameters!: WorkflowParameterDto[];
  labels!: LabelDto[];
  registration!: RegistrationDto;
  @ApiProperty({ format: 'date-time' })
  created_at!: string;
  @ApiProperty({ format: 'date-time', required: false })
  archived_at?: string;
}

export class WorkflowList {
  items!: Workflow[];
  next_cursor?: string;
  /** With `count=estimate`. */
  @OptionalInteger()
  estimated_count?: number;
}

/** A task of a definition that is not stored. */
export class DescribedTask {
  title!: string;
  display_name?: string;
  type?: string;
  /** Titles. */
  downstream!: string[];
}

export class WorkflowValidation {
  valid!: boolean;
  diagnostics!: DiagnosticDto[];
  /** Empty when the definition is not valid, or the engine describes it only after registration. */
  tasks!: DescribedTask[];
}

/** A step of a workflow. */
export class Task {
  @Integer()
  id!: number;
  @Integer()
  workflow_id!: number;
  title!: string;
  display_name?: string;
  type?: string;
  @ApiProperty({ type: 'array', items: { type: 'integer' } })
  downstream_task_ids!: number[];
  @ApiProperty({ type: 'array', items: { type: 'integer' } })
  upstream_task_ids!: number[];
}

export class TaskList {
  items!: Task[];
}

export class TaskEdge {
  @Integer()
  upstream_task_id!: number;
  @Integer()
  downstream_task_id!: number;
}

export class TaskGraphDto {
  tasks!: Task[];
  edges!: TaskEdge[];
}
