import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../../config.js';
import type { Database } from '../database.js';
import type { Drain } from '../drain.js';
import type { Metrics } from '../metrics.js';
import { serveApiPage } from '../openapi/api-page.js';
import { makeAdapter } from './adapter.js';
import type { RouteTable } from './route-table.js';
import { API_PREFIX, OUTSIDE_THE_API } from './url-prefix.js';

export interface HttpParts {
  config: Config;
  metrics: Metrics;
  drain: Drain;
  routes: RouteTable;
  database: Pick<Database, 'overloaded'>;
}

/** Nest on the adapter, initialised and listening to nothing. `module` brings `PlatformModule`. */
export async function makeHttp(module: DynamicModule, parts: HttpParts): Promise<NestFastifyApplication> {
  const adapter = await makeAdapter({ ...parts, requestTimeoutMs: parts.config.requestTimeoutMs });
  const nest = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  nest.setGlobalPrefix(API_PREFIX, { exclude: [...OUTSIDE_THE_API] });
  serveApiPage(adapter.getInstance<FastifyInstance>());
  await nest.init();
  return nest;
}
