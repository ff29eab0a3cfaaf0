import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { DEFINITION_FORMATS, type DefinitionFormat } from '../../adapters/spi/engine-adapter.js';
import type { Json } from '../../definition/definition-types.js';
import { UI_FORM_TYPES, type UiFormType } from '../../definition/workflow-parameters.js';
import { LabelDto } from '../labels/labels.dto.js';
import { OptionalInteger } from '../lists/integer.js';
import { ListQuery, PageQuery } from '../lists/list-query.dto.js';
import { IsTimestamp, QueryBoolean, QueryInteger } from '../lists/query-values.js';
import { TITLE_RULE, WORKFLOW_TITLE } from './workflow-title.js';

/** Any JSON value. */
const ANYTHING = {
  required: false,
  oneOf: [
    { type: 'string' },
    { type: 'number' },
    { type: 'boolean' },
    { type: 'array', items: {} },
    { type: 'object', additionalProperties: true },
  ],
};

/** How a client asks for a value; it is the validation as well. Members below `default` belong to some types only. */
export class UiFormDto {
  @ApiProperty({ enum: UI_FORM_TYPES })
  @IsIn(UI_FORM_TYPES)
  type!: UiFormType;

  @IsString()
  @MaxLength(500)
  title!: string;

  @IsString()
  @MaxLength(10_000)
  description!: string;

  @IsOptional()
  @IsString()
  @MaxLength(10_000)
  help?: string;

  /** A run has to give a value, unless there is a default. */
  @IsBoolean()
  required!: boolean;

  @ApiProperty({ ...ANYTHING, description: 'The value when a run gives none.' })
  @IsOptional()
  default?: Json;

  /** bool */
  @IsOptional()
  @IsString()
  true_label?: string;

  /** bool */
  @IsOptional()
  @IsString()
  false_label?: string;

  /** int, float */
  @IsOptional()
  @IsNumber()
  minimum?: number;

  /** int, float */
  @IsOptional()
  @IsNumber()
  maximum?: number;

  @ApiProperty({
    required: false,
    type: 'array',
    items: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    description: 'list: what to choose from, all of one kind',
  })
  @IsOptional()
  @IsArray()
  options?: Json[];

  /** list: several may be chosen */
  @IsOptional()
  @IsBoolean()
  multiselectable?: boolean;

  /** str: RE2 syntax, may occur anywhere in the value */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  regex_pattern?: string;

  @ApiProperty({ ...ANYTHING, description: 'data_entity: what the choice is made from' })
  @IsOptional()
  query?: Json;

  /** data_entity */
  @OptionalInteger()
  @IsOptional()
  @IsInt()
  @Min(1)
  limit?: number;

  /** data_entity */
  @IsOptional()
  @IsBoolean()
  pagination?: boolean;

  /** file: media types or extensions */
  @IsOptional()
  @IsString()
  accept?: string;

  /** file: a list of names */
  @IsOptional()
  @IsBoolean()
  multiple?: boolean;

  /** terms: what has to be accepted */
  @IsOptional()
  @IsString()
  terms_text?: string;
}

export class WorkflowParameterDto {
  /** The task it is for, where several have a variable of this name. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(250)
  task_title?: string;

  /** Its name in a run's `parameters`; after `task_title.` where the name alone is not unique. */
  @Matches(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, {
    message: 'env_variable_name is 1 to 128 of letters, digits and "_", and does not begin with a digit',
  })
  env_variable_name!: string;

  @IsDefined()
  @ValidateNested()
  @Type(() => UiFormDto)
  ui_form!: UiFormDto;
}

export class CreateWorkflow {
  /** For `signalbox/v1` the definition's `name` is the default. */
  @IsOptional()
  @Matches(WORKFLOW_TITLE, { message: TITLE_RULE })
  title?: string;

  /** Name of a configured engine, see `GET /v1/engines`. */
  @IsString()
  workflow_engine!: string;

  @ApiProperty({
    enum: DEFINITION_FORMATS,
    description:
      "`native`: the engine's own text. `reference`: the name of something the engine already has. `signalbox/v1`: the portable definition.",
  })
  @IsIn(DEFINITION_FORMATS)
  definition_format!: DefinitionFormat;

  @IsString()
  @MinLength(1)
  definition!: string;

  /** Not with `signalbox/v1`, whose `params` they are derived from. As they are shown they take 256 KiB at most. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WorkflowParameterDto)
  workflow_parameters?: WorkflowParameterDto[];

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LabelDto)
  labels?: LabelDto[];
}

export class WorkflowsQuery extends ListQuery {
  @IsOptional()
  @IsString()
  workflow_title?: string;

  @IsOptional()
  @QueryInteger()
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  workflow_version?: number;

  @IsOptional()
  @IsString()
  workflow_engine?: string;

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

  /** Archived ones too. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  archived: boolean = false;
}

export class VersionsQuery extends PageQuery {
  /** Only the newest one that is not archived, with its definition. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  latest: boolean = false;

  /** Archived ones too. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  archived: boolean = false;
}

export class ArchiveQuery {
  /** Cancels the runs that are active. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  force: boolean = false;
}

export const GRAPH_FORMATS = ['json', 'mermaid', 'dot'] as const;

export class GraphQuery {
  @IsOptional()
  @IsIn(GRAPH_FORMATS)
  format: (typeof GRAPH_FORMATS)[number] = 'json';
}
