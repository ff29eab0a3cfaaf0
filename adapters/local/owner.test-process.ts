/**
 * A process that owns a node and can be killed, for the fault tests:
 *   node --import ./scripts/typescript-loader.js adapters/local/owner.test-process.ts SETTINGS_JSON
 * Says `ready` on stdout when it owns the directory; a refusal is one line on stderr and exit code 3.
 */
import pg from 'pg';
import type { DatabaseHandle, Db, Statement } from '../spi/engine-kind.js';
import { DataDirectoryInUse } from './data-directory-lock.js';
import { localEngine } from './local.engine-kind.js';

export interface OwnerSettings {
  url: string;
  dataDir: string;
  engineName: string;
  options: Record<string, unknown>;
  /** The process ends itself with SIGKILL when it comes by here for the n-th time. */
  killAt?: { point: string; nth: number };
}

const settings = JSON.parse(process.argv[2] ?? '{}') as OwnerSettings;
let passed = 0;

try {
  await localEngine.create(settings.options, {
    engineName: settings.engineName,
    installationId: 'installation',
    log: { debug: ignore, info: ignore, warn: print, error: print },
    database: connect(settings.url),
    dataDir: settings.dataDir,
    executes: true,
    kill: (point) => {
      if (point !== settings.killAt?.point) return;
      passed += 1;
      if (passed === settings.killAt.nth) process.kill(process.pid, 'SIGKILL');
    },
  });
  process.stdout.write('ready\n');
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(error instanceof DataDirectoryInUse ? error.exitCode : 1);
}

function connect(url: string): DatabaseHandle {
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  const through = (client: pg.Pool | pg.PoolClient): Db => ({
    query: async <Row>(statement: Statement) => {
      const { rows, rowCount } = await client.query(statement as pg.QueryConfig);
      return { rows: rows as Row[], rowCount: rowCount ?? 0 };
    },
  });
  return {
    ...through(pool),
    transaction: async (work) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(through(client));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  };
}

function print(fields: object, message: string): void {
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
}

function ignore(): void {
  // Not of interest to a test.
}
