import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js';
import { migrate } from '../../src/platform/migrator.js';
import { MIGRATIONS } from '../../src/migrations.js';

export interface TestCluster {
  /** Connection string of the maintenance database. */
  url: string;
  stop(): Promise<void>;
}

export const TEMPLATE = 'signalbox_template';

/** Starts a throw-away cluster with the migrated template in it. Durability is off: it dies with the run. */
export async function startTestCluster(): Promise<TestCluster> {
  const home = await mkdtemp(join(tmpdir(), 'signalbox-test-'));
  const server = await startEmbeddedPostgres(home, {
    settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'],
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
    await rm(server.directory, { recursive: true, force: true });
  };
  try {
    await makeTemplate(server.url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, stop };
}

async function makeTemplate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const template = new URL(url);
  template.pathname = `/${TEMPLATE}`;
  await migrate(template.href, MIGRATIONS);
}
