import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '../../src/migrations.js';
import { Database } from '../../src/platform/database.js';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js';
import { migrate } from '../../src/platform/migrator.js';

export interface BenchDatabase {
  url: string;
  database: Database;
  /** Process id of the server. */
  pid: number;
  stop(): Promise<void>;
}

/** A cluster of the benchmark's own, as durable as PostgreSQL is by default. */
export async function startBenchDatabase(settings: string[] = []): Promise<BenchDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-bench-'));
  const server = await startEmbeddedPostgres(home, { settings });
  await migrate(server.url, MIGRATIONS);
  const database = new Database({
    url: server.url,
    max: 4,
    acquireTimeoutMs: 10_000,
    applicationName: 'signalbox-bench',
  });
  return {
    url: server.url,
    database,
    pid: Number(readFileSync(join(server.directory, 'postmaster.pid'), 'utf8').split('\n')[0]),
    stop: async () => {
      await database.close();
      await server.stop();
      await rm(home, { recursive: true, force: true });
      await rm(server.directory, { recursive: true, force: true });
    },
  };
}
