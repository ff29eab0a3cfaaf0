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

export interface BenchDatabaseOptions {
  /** `name=value` settings of the server beside its own. */
  settings?: string[];
  /** Fills it while the server writes as fast as it can and promises nothing; what is measured has the product's settings. */
  fill?: (database: Database) => Promise<void>;
}

/** No log of what is written to a table that was emptied in the same transaction, and large sorts for its indexes. */
const FILLING = ['wal_level=minimal', 'max_wal_senders=0', 'fsync=off', 'max_wal_size=8GB', 'maintenance_work_mem=1GB'];

/** A cluster of the benchmark's own, as durable as PostgreSQL is by default. */
export async function startBenchDatabase(options: BenchDatabaseOptions = {}): Promise<BenchDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-bench-'));
  if (options.fill) {
    const filling = await startEmbeddedPostgres(home, { settings: FILLING });
    await migrate(filling.url, MIGRATIONS);
    const database = connect(filling.url);
    try {
      await options.fill(database);
    } finally {
      await database.close();
      await filling.stop();
    }
  }
  const server = await startEmbeddedPostgres(home, { settings: options.settings ?? [] });
  await migrate(server.url, MIGRATIONS);
  const database = connect(server.url);
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

function connect(url: string): Database {
  return new Database({ url, max: 4, acquireTimeoutMs: 10_000, applicationName: 'signalbox-bench' });
}
