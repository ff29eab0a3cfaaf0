import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { Background } from './background.js';
import type { Config } from './config.js';
import { Engines, type EnginesOptions } from './engines/engines.js';
import type { Database } from './platform/database.js';
import { Drain } from './platform/drain.js';
import { Readiness } from './platform/health/readiness.js';
import { makeHttp } from './platform/http/make-http.js';
import { stopListening } from './platform/http/stop-listening.js';
import { RouteTable } from './platform/http/route-table.js';
import { KillPoints } from './platform/kill-points.js';
import type { Log } from './platform/log.js';
import { Metrics } from './platform/metrics.js';
import type { Roles } from './roles.js';

export interface AppOptions {
  roles: Roles;
  database: Database;
  /** Names of migrations the database lacks; readiness asks until there are none. */
  pendingMigrations: () => Promise<string[]>;
  log: Log;
  metrics?: Metrics;
  engines: Pick<EnginesOptions, 'kinds' | 'entries' | 'kill'>;
  /** Test seam: does nothing by default. */
  killPoints?: KillPoints;
}

/** A process without its signals and its exit: tests and `main.ts` make it alike. */
export interface App {
  nest: NestFastifyApplication;
  /** Starts the loops of the roles. */
  start(): Promise<void>;
  /** Listens; port 0 takes a free one. Returns the base URL. Throws the error of the socket. */
  listen(host: string, port: number): Promise<string>;
  /** Refuses new requests, lets what is under way finish within DRAIN_TIMEOUT, stops the loops, closes the engines. */
  close(): Promise<void>;
}

/** Builds the application. Nothing listens before `listen`, no loop runs before `start`. Throws what adapters throw. */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { database, log, roles } = options;
  const drain = new Drain();
  const metrics = options.metrics ?? new Metrics();
  metrics.countRunsIn(database);
  const routes = new RouteTable();
  const readiness = new Readiness(database, drain, options.pendingMigrations);
  const engines = await Engines.open({ ...options.engines, config, database, log, metrics, executes: roles.worker });
  try {
    const killPoints = options.killPoints ?? new KillPoints();
    const parts = { config, database, log, metrics, drain, readiness, routes, engines, killPoints };
    const nest = await makeHttp(AppModule.of(parts, roles), parts);
    const background = nest.get(Background);
    return {
      nest,
      start: () => background.start(roles),
      listen: async (host, port) => {
        await nest.listen(port, host);
        return nest.getUrl();
      },
      close: async () => {
        drain.begin();
        const late = setTimeout(() => {
          log.warn({ drain_timeout_ms: config.drainTimeoutMs }, 'requests under way are cut off');
          nest.getHttpServer().closeAllConnections();
        }, config.drainTimeoutMs);
        const closed = stopListening(nest.getHttpServer()).then(() => nest.close());
        await Promise.all([closed, background.stop()]).finally(() => clearTimeout(late));
        await engines.close();
      },
    };
  } catch (error) {
    await engines.close();
    throw error;
  }
}
