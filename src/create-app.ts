import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';
import { Database } from './platform/database.js';
import { Drain } from './platform/drain.js';
import { Readiness } from './platform/health/readiness.js';
import { makeAdapter } from './platform/http/adapter.js';
import { RouteTable } from './platform/http/route-table.js';
import { API_PREFIX, OUTSIDE_THE_API } from './platform/http/url-prefix.js';
import { Log } from './platform/log.js';
import { Metrics } from './platform/metrics.js';
import type { Roles } from './roles.js';

export interface AppOptions {
  roles: Roles;
  database: Database;
  /** Names of migrations the database lacks; readiness asks until there are none. */
  pendingMigrations: () => Promise<string[]>;
  log: Log;
  metrics?: Metrics;
}

/** A process without its signals and its exit: tests and `main.ts` make it alike. */
export interface App {
  nest: NestFastifyApplication;
  drain: Drain;
  /** Listens; port 0 takes a free one. Returns the base URL. Throws the error of the socket. */
  listen(host: string, port: number): Promise<string>;
  /** Refuses new requests, lets those under way finish within DRAIN_TIMEOUT, stops the loops, closes the engines. */
  close(): Promise<void>;
}

/** Builds the application; nothing listens and no loop runs before `listen`. */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { database, log, roles } = options;
  const drain = new Drain();
  const metrics = options.metrics ?? new Metrics();
  metrics.countRunsIn(database);
  const routes = new RouteTable();
  const readiness = new Readiness(database, drain, options.pendingMigrations);
  const adapter = await makeAdapter({ metrics, drain, routes, requestTimeoutMs: config.requestTimeoutMs });
  const module = AppModule.of({ config, database, log, metrics, drain, readiness, routes }, roles);
  const nest = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  nest.setGlobalPrefix(API_PREFIX, { exclude: [...OUTSIDE_THE_API] });
  await nest.init();
  return {
    nest,
    drain,
    listen: async (host, port) => {
      await nest.listen(port, host);
      return nest.getUrl();
    },
    close: async () => {
      drain.begin();
      const late = setTimeout(() => adapter.getHttpServer().closeAllConnections(), config.drainTimeoutMs);
      try {
        await nest.close();
      } finally {
        clearTimeout(late);
      }
    },
  };
}
