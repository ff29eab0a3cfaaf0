import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { refuseStandby } from './database.js';
import { isContention } from './database-errors.js';

/**
 * A folder of `NNNN_name.sql` files, applied in order of their names into its own bookkeeping schema. The first line of each is
 * `-- expand`, when versions that do not know it can go on beside it, or `-- contract`, when they cannot.
 */
export interface MigrationSet {
  schema: string;
  directory: URL;
}

/** The database cannot be used with this version of Signalbox; the message is one sentence for the operator. */
export class DatabaseRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DatabaseRefused';
  }
}

/** The oldest PostgreSQL whose features the statements use. */
export const OLDEST_POSTGRES = 14;

/** Two migrators wait for each other on this key. */
const MIGRATION_LOCK = 72707369;

/** How long a migration may stand in the queue of a lock: all that come after it wait as long. */
const LOCK_TIMEOUT = '2s';
/** Then it steps back for so long, and tries again so often. */
const LOCK_PAUSE_MS = 1_000;
const LOCK_TRIES = 60;

/**
 * Applies what is missing, each file in one transaction together with its bookkeeping row. A file that waits for a lock lets
 * others pass and tries again, for some minutes.
 * Returns the names applied now. Throws `DatabaseRefused` for a server that is too old, for a file that was changed after it
 * had been applied, and for a database with a contract that this version does not know; `DatabaseInRecovery` for a standby.
 */
export async function migrate(url: string, sets: readonly MigrationSet[]): Promise<string[]> {
  const client = await connect(url);
  try {
    await refuseOldServer(client);
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied: string[] = [];
    for (const set of sets) applied.push(...(await applySet(client, set)));
    return applied;
  } finally {
    await client.end();
  }
}

/** Names of migrations that this version brings and the database lacks; throws `DatabaseRefused` as `migrate` does. */
export async function pendingMigrations(url: string, sets: readonly MigrationSet[]): Promise<string[]> {
  const client = await connect(url);
  try {
    await refuseOldServer(client);
    const pending: string[] = [];
    for (const set of sets) {
      const known = await client.query<{ found: string | null }>('SELECT to_regclass($1) AS found', [
        `${set.schema}.signalbox_migrations`,
      ]);
      const done = known.rows[0]?.found == null ? new Map<string, AppliedMigration>() : await readApplied(client, set);
      const files = await readFiles(set);
      refuseDifferences(set, files, done);
      pending.push(...files.filter((file) => !done.has(file.name)).map((file) => `${set.schema}/${file.name}`));
    }
    return pending;
  } finally {
    await client.end();
  }
}

interface MigrationFile {
  name: string;
  sql: string;
  checksum: string;
  kind: Kind;
}

type Kind = 'expand' | 'contract';

interface AppliedMigration {
  name: string;
  checksum: string;
  kind: Kind;
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string; server_version: string }>(
    `SELECT current_setting('server_version_num') AS server_version_num, current_setting('server_version') AS server_version`,
  );
  const row = rows[0];
  if (row && Number(row.server_version_num) < OLDEST_POSTGRES * 10_000) {
    throw new DatabaseRefused(
      `The database is PostgreSQL ${row.server_version}; Signalbox needs PostgreSQL ${OLDEST_POSTGRES} or newer.`,
    );
  }
}

async function applySet(client: pg.Client, set: MigrationSet): Promise<string[]> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${set.schema}`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${set.schema}.signalbox_migrations (
       name text PRIMARY KEY, checksum text NOT NULL, kind text NOT NULL CHECK (kind IN ('expand', 'contract')),
       applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const done = await readApplied(client, set);
  const files = await readFiles(set);
  refuseDifferences(set, files, done);
  const applied: string[] = [];
  for (const file of files.filter((candidate) => !done.has(candidate.name))) {
    await applyFile(client, set, file);
    applied.push(`${set.schema}/${file.name}`);
  }
  return applied;
}

async function applyFile(client: pg.Client, set: MigrationSet, file: MigrationFile): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOnce(client, set, file);
    } catch (error) {
      if (isContention(error) && attempt < LOCK_TRIES) await sleep(LOCK_PAUSE_MS);
      else
        throw new Error(`migration ${set.schema}/${file.name} failed: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function applyOnce(client: pg.Client, set: MigrationSet, file: MigrationFile): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(`SET LOCAL search_path TO ${set.schema}`);
    await client.query(file.sql);
    await client.query(`INSERT INTO ${set.schema}.signalbox_migrations (name, checksum, kind) VALUES ($1, $2, $3)`, [
      file.name,
      file.checksum,
      file.kind,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function readApplied(client: pg.Client, set: MigrationSet): Promise<Map<string, AppliedMigration>> {
  const { rows } = await client.query<AppliedMigration>(
    `SELECT name, checksum, kind FROM ${set.schema}.signalbox_migrations`,
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function readFiles(set: MigrationSet): Promise<MigrationFile[]> {
  const names = (await readdir(set.directory)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, `${set.directory.href.replace(/\/?$/, '/')}`), 'utf8');
      const kind = /^-- (expand|contract)\n/.exec(sql)?.[1];
      if (kind === undefined) throw new Error(`migration ${name}: its first line is neither -- expand nor -- contract`);
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex'), kind: kind as Kind };
    }),
  );
}

/** Of a newer version: what only adds is no obstacle to an older one, so that both can run while one replaces the other. */
function refuseDifferences(set: MigrationSet, files: MigrationFile[], done: Map<string, AppliedMigration>): void {
  for (const { name, checksum, kind } of done.values()) {
    const file = files.find((candidate) => candidate.name === name);
    if (!file && kind === 'expand') continue;
    if (!file) {
      throw new DatabaseRefused(
        `The database has migration ${set.schema}/${name}, which this version of Signalbox does not know: it belongs to a newer version.`,
      );
    }
    if (file.checksum !== checksum) {
      throw new DatabaseRefused(
        `Migration ${set.schema}/${name} was changed after it had been applied to this database.`,
      );
    }
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: 'signalbox-migrate' });
  // A connection that breaks fails the statement; an error nobody listens to would end the process that asked.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await refuseStandby(client);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}
