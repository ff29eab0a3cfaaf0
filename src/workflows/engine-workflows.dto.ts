/** What an engine has, and its import. */
import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsOptional,
  IsString,
  MaxLength,
  MinLength,
} from 'class-validator';
import { LabelDto } from '../labels/labels.dto.js';
import { Integer } from '../lists/integer.js';
import { OBSTACLES, type ObstacleCode } from './to-offer.js';

/** References of one import. */
export const MAX_REFERENCES = 100;
export const IMPORT_OUTCOMES = ['IMPORTED', 'UNCHANGED', 'REFUSED'] as const;

export class EngineWorkflowsQuery {
  /** Of the labels that an import would take over, e.g. `tag=nightly`. What an engine calls tags has the key `tag`. */
  @IsOptional()
  @IsString()
  label_selector?: string;

  /** `next_cursor` of the page before; bound to the engine, the project and the selector. */
  @IsOptional()
  @IsString()
  cursor?: string;
}

export class ImportRequest {
  /** Each as `GET /v1/engines/{name}/workflows` tells it. */
  @ApiProperty({ type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MAX_REFERENCES, uniqueItems: true })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_REFERENCES)
  @ArrayUnique()
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(1000, { each: true })
  references!: string[];

  /** Says what an import would do, and stores nothing. */
  @IsOptional()
  @IsBoolean()
  dry_run?: boolean;
}

/** A version of a title. */
export class ImportedWorkflowDto {
  @Integer()
  id!: number;
  title!: string;
  @Integer()
  version!: number;
}

/** Why something is not imported. */
export class ImportObstacle {
  @ApiProperty({ enum: OBSTACLES })
  code!: ObstacleCode;
  message!: string;
}

/** A workflow that the engine has and no Signalbox put there. */
export class EngineWorkflowDto {
  /** The definition of format `reference` that names it. */
  reference!: string;
  /** The engine's own name: an import makes it the title. */
  name!: string;
  description?: string;
  /** Those that an import takes over. */
  labels!: LabelDto[];
  /** The engine begins no run of it at present. */
  paused!: boolean;
  /** The newest version that refers to it: it is imported already. */
  workflow?: ImportedWorkflowDto;
  /** Why an import would refuse it. */
  obstacle?: ImportObstacle;
}

export class EngineWorkflowList {
  items!: EngineWorkflowDto[];
  next_cursor?: string;
  /** What of the engine could not be looked at. */
  @ApiProperty({ type: 'array', items: { type: 'string' }, required: false })
  gaps?: string[];
}

export class ImportItem {
  reference!: string;
  /** `UNCHANGED`: it was imported before. */
  @ApiProperty({ enum: IMPORT_OUTCOMES })
  outcome!: (typeof IMPORT_OUTCOMES)[number];
  title?: string;
  /** The version that refers to it; not there yet in a dry run. */
  workflow?: ImportedWorkflowDto;
  /** Exactly when REFUSED. */
  obstacle?: ImportObstacle;
  /** What was left out, and why: for people. */
  @ApiProperty({ type: 'array', items: { type: 'string' } })
  notes!: string[];
}

export class ImportSummary {
  /** In the order of the request. */
  items!: ImportItem[];
  dry_run!: boolean;
}
