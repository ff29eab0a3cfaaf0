/**
 * Start here: configuration -> database -> roles -> listen, and on SIGTERM or SIGINT the same way back.
 * The `signalbox` command calls these; each resolves with the exit code.
 */
import type { Config } from './config.js';
import { readConfig } from './read-config.js';
import { createApp, type App, type AppOptions } from './create-app.js';
import { readEnginesFile } from './engines/engines-file.js';
import { ENGINE_KINDS } from './engines/registry.js';
import { openDatabase, type OpenDatabase } from './open-database.js';
import { limitHeapGrowth } from './platform/heap-growth.js';
import { Log } from './platform/log.js';
import { Metrics } from './platform/metrics.js';
import { MIGRATIONS } from './migrations.js';
import { pendingMigrations, type MigrationSet } from './platform/migrator.js';
import { Reconciler } from './reconcile/reconciler.js';
import { Retention } from './retention/retention.js';
import { ROLES, type RoleName, type Roles } from './roles.js';
import { EXIT, StartRefused, toRefusal } from './start-refused.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What another entry than the product's puts in place of its own: fault tests add engine kinds and end the process where they like. */
export interface Seams extends Pick<AppOptions, 'killPoints'> {
  kinds?: AppOptions['engines']['kinds'];
  roles?: Roles;
  /** Of another version. */
  migrations?: readonly MigrationSet[];
}

/** Runs a role until SIGTERM or SIGINT, then drains. Resolves with 0, 3 or 78, after one sentence on stderr where not 0. */
export async function runService(role: RoleName, env: Environment, seams: Seams = {}): Promise<number> {
  return explained(env, async (config) => {
    limitHeapGrowth();
    const log = new Log({ level: config.logLevel });
    const stop = watchSignals(log);
    const service = await startService(config, role, env, log, seams);
    // For people and for scripts that let the system choose the port; everything else is on stderr.
    process.stdout.write(greeting(role, service.url));
    log.info({ role, ...(service.url === undefined ? {} : { url: service.url }) }, 'started');
    const signal = await stop;
    log.info({ role, signal }, 'draining');
    await service.close();
    log.info({ role }, 'stopped');
    return EXIT.done;
  });
}

/** One pass of the reconciler over all engines, or one. Resolves with 3 when an engine could not be read. */
export async function runReconcile(env: Environment, options: { json: boolean; engine?: string }): Promise<number> {
  return explained(env, async (config) => {
    const log = new Log({ level: config.logLevel });
    const parts = await openApp(config, { api: false, worker: false, reconcile: false }, 'refuse', env, log);
    try {
      const pass = parts.app.nest.get(Reconciler);
      const summary = await pass.pass(options.engine === undefined ? {} : { engine: options.engine });
      if (options.engine === undefined) await parts.app.nest.get(Retention).pass();
      process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : summary.engines.map(passLine).join(''));
      return summary.engines.some((engine) => engine.unreachable !== undefined) ? EXIT.environment : EXIT.done;
    } finally {
      await closeBoth(parts);
    }
  });
}

/** Brings the database to the version of this program. */
export async function runMigrate(env: Environment, options: { json: boolean }): Promise<number> {
  return explained(env, async (config) => {
    const open = await openDatabase(config, { migrating: 'apply', applicationName: 'signalbox-migrate', share: true });
    await open.close();
    if (options.json) process.stdout.write(`${JSON.stringify({ applied: open.applied })}\n`);
    else if (open.applied.length === 0) process.stdout.write('The database is up to date.\n');
    else process.stdout.write(open.applied.map((name) => `applied ${name}\n`).join(''));
    return EXIT.done;
  });
}

export interface Service {
  url: string;
  close(): Promise<void>;
}

/**
 * A whole service in this process, on 127.0.0.1 and its own database below `dataDir`, for `signalbox run FILE` and the demo.
 * Installs no signal handlers; `quiet` keeps all but fatal lines out of stderr. Port 0, the default, takes a free one.
 * Throws what starting throws; `toRefusal` has the sentence for it.
 */
export async function startEmbedded(options: {
  dataDir: string;
  quiet: boolean;
  port?: number;
  env?: Environment;
}): Promise<Service> {
  const env = {
    ...options.env,
    DATA_DIR: options.dataDir,
    HOST: '127.0.0.1',
    PORT: String(options.port ?? 0),
    ...(options.quiet ? { LOG_LEVEL: 'fatal' } : {}),
  };
  const config = readConfig(env, process.cwd());
  const { url, close } = await startService(config, 'server', env, new Log({ level: config.logLevel }));
  if (url === undefined) throw new Error('a server always listens');
  return { url, close };
}

interface Started {
  /** Absent: a worker without PORT listens nowhere. */
  url: string | undefined;
  close(): Promise<void>;
}

function greeting(role: RoleName, url: string | undefined): string {
  if (url === undefined) return `Signalbox ${role} works; set PORT for its /livez, /readyz and /metrics.\n`;
  return `Signalbox ${role} listens on ${url}${ROLES[role].api ? ` (API page: ${url}/docs)` : ''}\n`;
}

async function startService(
  config: Config,
  role: RoleName,
  env: Environment,
  log: Log,
  seams: Seams = {},
): Promise<Started> {
  if (role !== 'server' && !config.databaseUrl) {
    throw new StartRefused(
      EXIT.configuration,
      `\`signalbox ${role}\` needs DATABASE_URL: without it the record would be in a database that no other process sees.`,
    );
  }
  const metrics = new Metrics();
  metrics.collectProcess();
  const roles = seams.roles ?? ROLES[role];
  const parts = await openApp(config, roles, role === 'server' ? 'apply' : 'refuse', env, log, { ...seams, metrics });
  try {
    const listens = roles.api || env['PORT'] !== undefined;
    const url = listens ? await parts.app.listen(config.host, config.port) : undefined;
    await parts.app.start();
    return { url, close: () => closeBoth(parts) };
  } catch (error) {
    await closeBoth(parts);
    throw error;
  }
}

interface Parts {
  app: App;
  open: OpenDatabase;
}

async function openApp(
  config: Config,
  roles: Roles,
  migrating: 'apply' | 'refuse',
  env: Environment,
  log: Log,
  more: Seams & { metrics?: Metrics } = {},
): Promise<Parts> {
  const { kinds = ENGINE_KINDS, metrics, killPoints, migrations = MIGRATIONS } = more;
  const kindNames = kinds.map((kind) => kind.kind);
  const entries = readEnginesFile(config.enginesFile, kindNames, env);
  const open = await openDatabase(config, {
    migrating,
    applicationName: 'signalbox',
    share: !roles.api && !roles.worker,
    migrations,
  });
  if (open.applied.length > 0) log.info({ migrations: open.applied }, 'database migrated');
  try {
    const app = await createApp(config, {
      roles,
      database: open.database,
      pendingMigrations: () => pendingMigrations(open.url, migrations),
      log,
      engines: { kinds, entries },
      ...(metrics ? { metrics } : {}),
      ...(killPoints ? { killPoints } : {}),
    });
    return { app, open };
  } catch (error) {
    await open.close();
    throw error;
  }
}

async function closeBoth(parts: Parts): Promise<void> {
  try {
    await parts.app.close();
  } finally {
    await parts.open.close();
  }
}

/** Runs `work`; what the operator can correct becomes one sentence and an exit code, the rest a fatal line and 1. */
async function explained(env: Environment, work: (config: Config) => Promise<number>): Promise<number> {
  let config: Config | undefined;
  try {
    config = readConfig(env, process.cwd());
    return await work(config);
  } catch (error) {
    const refusal = toRefusal(error, config);
    if (refusal) {
      process.stderr.write(`${refusal.message}\n`);
      return refusal.exitCode;
    }
    new Log({ level: 'fatal' }).fatal({ error }, 'failed');
    return EXIT.broken;
  }
}

/** Of a Ctrl-C in a terminal npm passes on what the terminal sends as well: so soon it is the same one. */
const SAME_SIGNAL_MS = 500;

/** Resolves with the first signal. A second one does not wait; a promise nobody handles ends the process. */
function watchSignals(log: Log): Promise<string> {
  const broken = (error: unknown): void => {
    log.fatal({ error }, 'unhandled error');
    process.exit(EXIT.broken);
  };
  process.on('unhandledRejection', broken);
  process.on('uncaughtException', broken);
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      let first: number | undefined;
      process.on(signal, () => {
        first ??= performance.now();
        if (performance.now() - first > SAME_SIGNAL_MS) process.exit(EXIT.broken);
        resolve(signal);
      });
    }
  });
}

function passLine(engine: {
  engine: string;
  checked: number;
  changed: number;
  failed: unknown[];
  unreachable?: string;
  took_ms: number;
}): string {
  if (engine.unreachable !== undefined) return `${engine.engine}: unreachable: ${engine.unreachable}\n`;
  return `${engine.engine}: ${engine.checked} checked, ${engine.changed} changed, ${engine.failed.length} failed, ${engine.took_ms} ms\n`;
}
