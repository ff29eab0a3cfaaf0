import { ApiProperty } from '@nestjs/swagger';
import { OPTIONAL_VERBS } from '../../adapters/spi/engine-adapter.js';
import { HEALTH_STATES, type HealthState } from './engine-health.js';

const SUPPORT = { type: 'string' as const, enum: ['native', 'emulated', 'none'] };

/** What the last health check of any process saw. */
export class EngineHealthDto {
  @ApiProperty({ enum: HEALTH_STATES })
  state!: HealthState;
  @ApiProperty({ format: 'date-time', required: false })
  checked_at?: string;
  /** Of the engine. */
  version?: string;
  latency_ms?: number;
  /** For people. */
  detail?: string;
}

/** A configured instance of a workflow engine. */
export class EngineDto {
  name!: string;
  kind!: string;
  health!: EngineHealthDto;
  /** What is promised when the engine's answer to a submit is lost. */
  @ApiProperty({ enum: ['exactly_once', 'at_most_once'] })
  submit_guarantee!: 'exactly_once' | 'at_most_once';
  /** Runs that begin on the engine, of imported workflows, become workflow runs of `origin: engine`. */
  adopts_runs!: boolean;
  @ApiProperty({
    type: 'object',
    properties: Object.fromEntries(OPTIONAL_VERBS.map((verb) => [verb, SUPPORT])),
    additionalProperties: SUPPORT,
    description: 'Verbs that not every engine has.',
  })
  capabilities!: Record<string, 'native' | 'emulated' | 'none'>;
}

export class EngineList {
  items!: EngineDto[];
}
