import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { Database } from '../../src/platform/database.js';
import { TEMPLATE } from './test-cluster.js';

export interface TestDatabase {
  url: string;
  database: Database;
  drop(): Promise<void>;
}

/** A database of this test file's own, cloned from the migrated template of the run's cluster. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const cluster = process.env['SIGNALBOX_TEST_POSTGRES'];
  if (!cluster) throw new Error('no test cluster: tests run through `npm run jest`');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await maintain(cluster, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  const url = new URL(cluster);
  url.pathname = `/${name}`;
  const opened = openTestDatabase(url.href);
  return {
    ...opened,
    drop: async () => {
      await opened.drop();
      await maintain(cluster, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** A pool on a database that somebody else made and will drop: here `drop` only closes the pool. */
export function openTestDatabase(url: string): TestDatabase {
  const database = new Database({ url, max: 10, acquireTimeoutMs: 10_000, applicationName: 'signalbox-test' });
  return { url, database, drop: () => database.close() };
}

async function maintain(cluster: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
