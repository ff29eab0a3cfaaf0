import { Type } from 'class-transformer';
import { IsArray, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import { PageQuery } from '../lists/list-query.dto.js';
import { Integer } from '../lists/integer.js';

/** A key and a value on a workflow or a run. One key may have several values on one object. */
export class LabelDto {
  /** 1 to 63 of letters, digits, `.`, `_` and `-`, after an optional DNS name and `/`. */
  @IsString()
  key!: string;

  /** 0 to 255 printable characters. */
  @IsString()
  value!: string;
}

export class ChangeLabels {
  /** Adding a label that is there changes nothing. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LabelDto)
  add?: LabelDto[];

  /** Removing a label that is not there changes nothing. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => LabelDto)
  remove?: LabelDto[];
}

export class LabelsQuery extends PageQuery {
  /** Beginning of the key. */
  @IsOptional()
  @IsString()
  @MaxLength(317)
  prefix: string = '';
}

export class LabelUse {
  key!: string;
  value!: string;
  /** Workflows that have it; 10000 means that many or more. */
  @Integer()
  workflows!: number;
  /** Workflow runs that have it; 10000 means that many or more. */
  @Integer()
  workflow_runs!: number;
}

export class LabelUseList {
  items!: LabelUse[];
  next_cursor?: string;
}
