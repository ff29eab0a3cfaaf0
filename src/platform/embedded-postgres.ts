/**
 * A real PostgreSQL of our own for machines that have none: data under DATA_DIR, one free port on loopback, a password that
 * only the owner of DATA_DIR can read. It outlives a killed Signalbox; the next start adopts it.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  EmbeddedPostgresUnavailable,
  findPostgresPrograms,
  firstLine,
  freePort,
  reachable,
  runProgram,
  serverSettings,
  startServer,
  stopServer,
  type Account,
  type PostgresPrograms,
} from './postgres-programs.js';

export interface EmbeddedPostgres {
  url: string;
  /** Where the cluster's files are: below DATA_DIR, or where the database's own account can reach them. */
  directory: string;
  /** True when a server was found alive: taken over, or shared with its owner. */
  adopted: boolean;
  stop(): Promise<void>;
  /** Gives the cluster up and leaves the server running: whoever starts it next owns it. */
  release(): Promise<void>;
}

/** Another Signalbox owns this DATA_DIR. */
export class DataDirectoryInUse extends Error {
  constructor(directory: string) {
    super(
      `The data directory ${directory} is in use by another Signalbox. Stop that one, or set DATA_DIR to another folder.`,
    );
    this.name = 'DataDirectoryInUse';
  }
}

/** Held for the life of the process on a connection of its own: it ends with us, however we end. */
const OWNER_LOCK = 72707370;

/** Milliseconds within which a killed server is gone, or counts as dead. */
const ENDING_MS = 10_000;

/** Clusters of data directories that the database's account cannot reach. */
const OUTSIDE = '/var/lib/signalbox';

/**
 * Starts the cluster below `dataDir`, or adopts the live one a killed Signalbox left behind.
 * `settings` are extra `name=value` server settings. `share`: a short-lived command may use the cluster of a service that runs;
 * it then leaves it running. Throws `DataDirectoryInUse`, `EmbeddedPostgresUnavailable`.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  options: { settings?: string[]; share?: boolean } = {},
): Promise<EmbeddedPostgres> {
  const home = resolve(dataDir);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const programs = await findPostgresPrograms();
  const directory = await clusterDirectory(home, programs.account);
  const password = await readOrMake(join(home, 'postgres.password'), randomBytes(24).toString('hex'), 0o600);
  if (!existsSync(join(directory, 'PG_VERSION'))) await initialise(programs, directory, password);

  const urlOf = (port: number): string => `postgresql://signalbox:${password}@127.0.0.1:${port}/signalbox`;
  const found = await adopt(directory, urlOf);
  const { url, owner } = found ?? (await startOwn(programs, directory, urlOf, options.settings ?? []));
  const adopted = found !== undefined;
  if (!owner && options.share !== true) throw new DataDirectoryInUse(home);
  return {
    url,
    directory,
    adopted,
    stop: async () => {
      if (!owner) return;
      await owner.end().catch(() => undefined);
      await stopServer(programs, directory);
    },
    release: async () => {
      await owner?.end().catch(() => undefined);
    },
  };
}

interface Owned {
  url: string;
  /** Undefined when another process has it. */
  owner: pg.Client | undefined;
}

/** A server of this directory that is alive. One that was killed a moment ago is waited out, and then there is none. */
async function adopt(directory: string, urlOf: (port: number) => string): Promise<Owned | undefined> {
  const until = Date.now() + ENDING_MS;
  for (;;) {
    const server = await findServer(directory);
    if (server.state === 'none') return undefined;
    if (server.state === 'alive') {
      const url = urlOf(server.port);
      try {
        return { url, owner: await takeOwnership(url) };
      } catch (error) {
        if (!isNotServing(error) || Date.now() > until) throw error;
      }
    } else if (Date.now() > until) {
      // Nobody collects it, and it holds nothing but the name of its process; PostgreSQL itself looks for living backends.
      await rm(join(directory, 'postmaster.pid'), { force: true });
      return undefined;
    }
    await sleep(100);
  }
}

async function startOwn(
  programs: PostgresPrograms,
  directory: string,
  urlOf: (port: number) => string,
  settings: readonly string[],
): Promise<Owned> {
  const port = await freePort();
  await startServer(programs, directory, serverSettings(port, settings));
  const url = urlOf(port);
  try {
    return { url, owner: await takeOwnership(url) };
  } catch (error) {
    await stopServer(programs, directory);
    throw error;
  }
}

/** Nobody listens (any more), or the server is starting or ending: the next moment may be different. */
function isNotServing(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code !== 'string' || /^(57P0[123]|E[A-Z]+)$/.test(code);
}

/** The connection that holds the ownership; undefined when another process has it. */
async function takeOwnership(url: string): Promise<pg.Client | undefined> {
  await ensureDatabase(url);
  const client = new pg.Client({ connectionString: url, application_name: 'signalbox-owner', keepAlive: true });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [OWNER_LOCK]);
  if (rows[0]?.taken === true) return client;
  await client.end();
  return undefined;
}

async function ensureDatabase(url: string): Promise<void> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const client = new pg.Client({ connectionString: maintenance.href });
  await client.connect();
  try {
    await client.query('CREATE DATABASE signalbox').catch((error: { code?: string }) => {
      if (error.code !== '42P04' && error.code !== '23505') throw error;
    });
  } finally {
    await client.end();
  }
}

/**
 * Where the cluster lives: DATA_DIR/postgres, or below /var/lib when the database's account cannot walk there. It stays where it
 * began. The place outside has a name of its own, so a DATA_DIR that was deleted and made anew does not find the old one.
 */
async function clusterDirectory(home: string, account: Account | undefined): Promise<string> {
  const inside = join(home, 'postgres');
  if (!account) return inside;
  const location = join(home, 'postgres.location');
  if (!existsSync(location) && (await reachable(dirname(home), account))) {
    await chmod(home, 0o711);
    return inside;
  }
  if (existsSync(inside)) return inside;
  const made = `${OUTSIDE}/${randomBytes(8).toString('hex')}/postgres`;
  const outside = await readOrMake(location, made, 0o644);
  await mkdir(dirname(outside), { recursive: true });
  // As above, against a strict umask.
  for (const folder of [OUTSIDE, dirname(outside)]) await chmod(folder, 0o711);
  return outside;
}

/** The line in `file`; the first to come writes `made` there. */
async function readOrMake(file: string, made: string, mode: number): Promise<string> {
  try {
    await writeFile(file, `${made}\n`, { mode, flag: 'wx' });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}

/** Into a folder beside, renamed when whole: a start that dies here, or a second one, leaves nothing half-made under the real name. */
async function initialise(programs: PostgresPrograms, directory: string, password: string): Promise<void> {
  const { account } = programs;
  const incoming = `${directory}.initialising.${process.pid}`;
  const secret = `${incoming}.secret`;
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await writeFile(secret, password, { mode: 0o600 });
  if (account) {
    await chown(incoming, account.uid, account.gid);
    await chown(secret, account.uid, account.gid);
  }
  try {
    const authentication = ['-U', 'signalbox', '--pwfile', secret, '--auth=scram-sha-256'];
    const options = ['-D', incoming, ...authentication, '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions'];
    await runProgram(programs, programs.initdb, options);
    await rename(incoming, directory).catch((error: unknown) => {
      // Another start was faster: its cluster is the one.
      if (!existsSync(join(directory, 'PG_VERSION'))) throw error;
    });
  } catch (error) {
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL could not be initialised in ${directory}: ${firstLine(error)}`,
      error,
    );
  } finally {
    await rm(incoming, { recursive: true, force: true });
    await rm(secret, { force: true });
  }
}

/** `dead`: it was killed, and its parent has not collected it: the pid file names a process that does nothing any more. */
type FoundServer = { state: 'none' } | { state: 'dead' } | { state: 'alive'; port: number };

/** The server that PostgreSQL's own pid file of this directory names (line 1 pid, line 4 port). */
async function findServer(directory: string): Promise<FoundServer> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return { state: 'none' };
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const facts = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // After the name in brackets: proc(5).
  if (facts !== undefined && /\) [ZX] /.test(facts)) return { state: 'dead' };
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (command === undefined ? !isAlive(pid) : !command.includes(directory)) return { state: 'none' };
  const port = Number(lines[3]);
  return port > 0 ? { state: 'alive', port } : { state: 'none' };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
