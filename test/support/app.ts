import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config.js';
import { readConfig } from '../../src/read-config.js';
import { createApp, type App } from '../../src/create-app.js';
import type { Database } from '../../src/platform/database.js';
import type { KillPoints } from '../../src/platform/kill-points.js';
import { Log } from '../../src/platform/log.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import { readEnginesFile, type EngineEntry } from '../../src/engines/engines-file.js';
import { ROLES, type Roles } from '../../src/roles.js';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { createTestDatabase, openTestDatabase } from './database.js';

export interface TestAppOptions {
  /** Environment of the configuration, e.g. `{ REFRESH_MAX_AGE: '0' }`. */
  env?: Record<string, string>;
  /** Another app's or process's database, which outlives this app; default: one of its own. */
  databaseUrl?: string;
  /** Default: `server`, everything in one process. */
  roles?: Roles;
  /** Engines of the app; default: the local one. */
  engines?: { kinds: readonly EngineKind[]; entries: EngineEntry[] };
  /** Named places where the test ends the process, or makes as if. */
  killPoints?: KillPoints;
  /** Receives every log line; without it lines of level fatal alone are written. */
  onLogLine?: (line: string) => void;
}

export interface TestApp {
  /** Base URL, without `/v1`. */
  url: string;
  app: App;
  config: Config;
  database: Database;
  databaseUrl: string;
  close(): Promise<void>;
}

/** The real app on a database of the test file's own, listening on a free port of 127.0.0.1. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const testDatabase =
    options.databaseUrl === undefined ? await createTestDatabase() : openTestDatabase(options.databaseUrl);
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-app-'));
  const config = readConfig({ DATA_DIR: dataDir, ...options.env }, process.cwd());
  const { onLogLine } = options;
  const log = onLogLine ? new Log({ level: 'debug', destination: { write: onLogLine } }) : new Log({ level: 'fatal' });
  const app = await createApp(config, {
    roles: options.roles ?? ROLES.server,
    database: testDatabase.database,
    pendingMigrations: () => Promise.resolve([]),
    log,
    engines: options.engines ?? { kinds: ENGINE_KINDS, entries: readEnginesFile(undefined, ['local'], {}) },
  });
  const url = await app.listen('127.0.0.1', 0);
  await app.start();
  return {
    url,
    app,
    config,
    database: testDatabase.database,
    databaseUrl: testDatabase.url,
    close: async () => {
      await app.close();
      await testDatabase.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
