import type { Config } from './config.js';
import { Database } from './platform/database.js';
import { startEmbeddedPostgres } from './platform/embedded-postgres.js';
import { MIGRATIONS } from './migrations.js';
import { migrate, pendingMigrations, type MigrationSet } from './platform/migrator.js';
import { EXIT, StartRefused } from './start-refused.js';

export interface OpenDatabase {
  database: Database;
  /** Holds a password: never logged. */
  url: string;
  /** Names of migrations applied now. */
  applied: string[];
  /** Ends the pool, then a PostgreSQL of our own. */
  close(): Promise<void>;
}

/**
 * The database of the configuration, or one of our own below `dataDir`, at the version of this program.
 * `share`: a short-lived command may use the embedded database of a service that runs. `migrating` says whether missing migrations are applied or refused; into a database of our own they always are.
 */
export async function openDatabase(
  config: Config,
  options: {
    migrating: 'apply' | 'refuse';
    applicationName: string;
    share?: boolean;
    migrations?: readonly MigrationSet[];
  },
): Promise<OpenDatabase> {
  const { migrations = MIGRATIONS } = options;
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres(config.dataDir, { share: options.share ?? false });
  const url = config.databaseUrl?.reveal() ?? embedded?.url ?? '';
  try {
    const applied =
      embedded || options.migrating === 'apply' ? await migrate(url, migrations) : await refuse(url, migrations);
    const database = new Database({
      url,
      max: config.databasePoolSize,
      acquireTimeoutMs: config.databaseAcquireTimeoutMs,
      applicationName: options.applicationName,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    return {
      database,
      url,
      applied,
      close: async () => {
        await database.close();
        await embedded?.stop();
      },
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

/** No statement of ours takes nearly as long; one that does holds a connection others wait for. */
const STATEMENT_TIMEOUT_MS = 15_000;

async function refuse(url: string, migrations: readonly MigrationSet[]): Promise<string[]> {
  const pending = await pendingMigrations(url, migrations);
  if (pending.length === 0) return [];
  throw new StartRefused(
    EXIT.configuration,
    `The database lacks ${pending.length === 1 ? 'a migration' : 'migrations'} (${pending.join(', ')}): run \`signalbox migrate\` first.`,
  );
}
