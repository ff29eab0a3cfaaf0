import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { submitGuarantee } from '../../adapters/spi/engine-adapter.js';
import { Database } from '../platform/database.js';
import { Operation } from '../platform/openapi/operation.js';
import { readEngineHealth, type EngineHealthRow } from './engine-health-store.js';
import { Engines, type Engine } from './engines.js';
import { EngineDto, EngineList } from './engines.dto.js';

@ApiTags('Engines')
@Controller('engines')
export class EnginesController {
  constructor(
    private readonly database: Database,
    private readonly engines: Engines,
  ) {}

  @Get()
  @Operation({
    id: 'listEngines',
    summary: 'Configured engines with health and capabilities',
    problems: [],
    answers: [
      {
        status: 200,
        description: 'Every engine.',
        type: EngineList,
        links: { engine: { operationId: 'getEngine', parameters: { name: '$response.body#/items/0/name' } } },
      },
    ],
    projectless: true,
    example: {},
  })
  async list(): Promise<EngineList> {
    const engines = this.engines.list();
    const health = await readEngineHealth(
      this.database,
      engines.map((engine) => engine.name),
    );
    return { items: engines.map((engine) => toEngine(engine, health.get(engine.name))) };
  }

  @Get(':name')
  @Operation({
    id: 'getEngine',
    summary: 'One configured engine',
    problems: ['engine-not-found'],
    answers: [
      {
        status: 200,
        description: 'The engine.',
        type: EngineDto,
        links: { workflows: { operationId: 'listEngineWorkflows', parameters: { name: '$response.body#/name' } } },
      },
    ],
    projectless: true,
    example: { path: { name: 'local' } },
  })
  async get(@Param('name') name: string): Promise<EngineDto> {
    const engine = this.engines.require(name);
    return toEngine(engine, (await readEngineHealth(this.database, [name])).get(name));
  }
}

function toEngine(engine: Engine, health: EngineHealthRow | undefined): EngineDto {
  return {
    name: engine.name,
    kind: engine.kind,
    health: {
      state: health?.state ?? 'UNKNOWN',
      ...(health?.checkedAt ? { checked_at: health.checkedAt.toISOString() } : {}),
      ...(health?.version ? { version: health.version } : {}),
      ...(health?.latencyMs == null ? {} : { latency_ms: health.latencyMs }),
      ...(health?.detail ? { detail: health.detail } : {}),
    },
    submit_guarantee: submitGuarantee(engine.capabilities),
    adopts_runs: engine.adopts,
    capabilities: { ...engine.capabilities.verbs },
  };
}
