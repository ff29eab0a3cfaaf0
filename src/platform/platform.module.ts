import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { Config } from '../config.js';
import { Database } from './database.js';
import { Drain } from './drain.js';
import { HealthController } from './health/health.controller.js';
import { Readiness } from './health/readiness.js';
import { ProblemFilter } from './http/problem-filter.js';
import { RequestGuard } from './http/request-guard.js';
import { RouteTable } from './http/route-table.js';
import { ValidationPipe } from './http/validation-pipe.js';
import { Log } from './log.js';
import { Metrics } from './metrics.js';
import { ApiIndexController } from './openapi/api-index.controller.js';

/** What is made before Nest and lives longer than it. */
export interface PlatformParts {
  config: Config;
  database: Database;
  log: Log;
  metrics: Metrics;
  drain: Drain;
  readiness: Readiness;
  routes: RouteTable;
}

/** Everything a feature may inject without importing a module, and what holds for every request. */
@Module({})
export class PlatformModule {
  static of(parts: PlatformParts): DynamicModule {
    const values = [
      { provide: Config, useValue: parts.config },
      { provide: Database, useValue: parts.database },
      { provide: Log, useValue: parts.log },
      { provide: Metrics, useValue: parts.metrics },
      { provide: Drain, useValue: parts.drain },
      { provide: Readiness, useValue: parts.readiness },
      { provide: RouteTable, useValue: parts.routes },
    ];
    return {
      module: PlatformModule,
      global: true,
      controllers: [ApiIndexController, HealthController],
      providers: [
        ...values,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: RequestGuard },
        { provide: APP_PIPE, useClass: ValidationPipe },
      ],
      exports: values.map((value) => value.provide),
    };
  }
}
