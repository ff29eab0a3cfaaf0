import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { Integer, OptionalInteger } from '../lists/integer.js';
import { PageQuery } from '../lists/list-query.dto.js';

export const DRIFT_KINDS = ['missing', 'orphan', 'foreign', 'state', 'late-execution'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

export class DriftQuery extends PageQuery {
  @ApiProperty({ required: false, enum: DRIFT_KINDS })
  @IsOptional()
  @IsIn(DRIFT_KINDS)
  kind?: DriftKind;

  @IsOptional()
  @IsString()
  @MaxLength(63)
  workflow_engine?: string;
}

/** Something on an engine that contradicts the record, and is still so. */
export class DriftEntry {
  @Integer()
  id!: number;
  workflow_engine!: string;
  /**
   * `orphan`: an execution under a key of ours that no run knows. `foreign`: a run of an imported workflow that somebody else
   * started, or the engine's schedule. `state`: the engine goes on with a run that has ended.
   * `late-execution`: what was given up surfaced. `missing`: an execution is not there.
   */
  @ApiProperty({ enum: DRIFT_KINDS })
  kind!: DriftKind;
  @OptionalInteger()
  workflow_run_id?: number;
  /** Of what is `foreign`. */
  @OptionalInteger()
  workflow_id?: number;
  external_id?: string;
  /** For people. */
  detail!: string;
  @ApiProperty({ format: 'date-time' })
  first_seen_at!: string;
  @ApiProperty({ format: 'date-time' })
  last_seen_at!: string;
}

export class DriftList {
  items!: DriftEntry[];
  next_cursor?: string;
}
