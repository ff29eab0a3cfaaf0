// The memory of an engine: the PostgreSQL that Signalbox brings, on data of the engine's own.
import '../../typescript-loader.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

const { startEmbeddedPostgres } = await import('../../../src/platform/embedded-postgres.ts');

/** Speed before durability: what is lost with a crash of the machine is a lab. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

const startServer = (lab) => startEmbeddedPostgres(join(lab.folder, 'database'), { settings: SETTINGS });

/** Where its files are, which need not be below the lab's folder. */
export async function databaseFolder(lab) {
  const inside = join(lab.folder, 'database', 'postgres');
  return readFile(`${inside}.location`, 'utf8').then(
    (elsewhere) => elsewhere.trim(),
    () => inside,
  );
}

/** The address of the database `name`, made where it is not there. The server outlives us, and anybody may stop it. */
export async function databaseUrl(lab, name) {
  const { url, release } = await startServer(lab);
  await release();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  await client.end();
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

export async function stopDatabase(lab) {
  await (await startServer(lab)).stop();
}
