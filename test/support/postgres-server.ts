import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  findPostgresPrograms,
  freePort,
  processOptions,
  runProgram,
  serverSettings,
  type PostgresPrograms,
} from '../../src/platform/postgres-programs.js';
import { until } from './until.js';

export interface PostgresServerOptions {
  /** `name=value`, beside what a server of ours has. */
  settings?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** The cluster's folder is made in it; default: a folder of its own. */
  home?: string;
}

export interface StandbyOptions {
  /** What its primary knows it by, in `synchronous_standby_names`. */
  name: string;
  /** Where it streams from, when a proxy is in between. */
  primaryUrl?: string;
  settings?: readonly string[];
}

/** A child of ours: nobody else has to notice its end. */
interface Postmaster {
  child: ChildProcess;
  /** Its log. */
  said: string;
  exited: Promise<unknown>;
}

/** How long a server takes to be gone, to have recovered, or to catch up, at most. */
const LONG_MS = 120_000;

/**
 * A PostgreSQL server of a test's own, with durability on, always at the same address: it can be killed, started again,
 * copied to a standby and promoted.
 */
export class PostgresServer {
  private postmaster: Postmaster | undefined;

  private constructor(
    private readonly programs: PostgresPrograms,
    /** The cluster's files. */
    readonly directory: string,
    private readonly home: string,
    private readonly port: number,
    private readonly password: string,
    private readonly options: PostgresServerOptions,
  ) {}

  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const programs = await findPostgresPrograms();
    if (options.home !== undefined) await mkdir(options.home, { mode: 0o755 });
    const home = options.home ?? (await mkdtemp(join(tmpdir(), 'signalbox-postgres-')));
    const password = randomBytes(24).toString('hex');
    const server = new PostgresServer(programs, join(home, 'data'), home, await freePort(), password, options);
    await server.initialise();
    await server.start();
    await server.ask('CREATE DATABASE signalbox', 'postgres');
    return server;
  }

  get url(): string {
    return this.urlOf('signalbox');
  }

  /** Resolves when it takes connections. Backends of a killed server hold the files until they have seen its end. */
  async start(): Promise<void> {
    const began = performance.now();
    for (;;) {
      const server = this.spawn();
      const said = await this.ready(server);
      if (said === undefined) return;
      if (!/still in use/.test(said) || performance.now() - began > LONG_MS) throw new Error(`no start: ${said}`);
      await sleep(50);
    }
  }

  /** Whether its postmaster is alive. */
  get isRunning(): boolean {
    return this.postmaster?.child.exitCode === null && this.postmaster.child.signalCode === null;
  }

  /** The process id of the postmaster. */
  get pid(): number {
    const pid = this.postmaster?.child.pid;
    if (pid === undefined || !this.isRunning) throw new Error(`no server runs in ${this.directory}`);
    return pid;
  }

  /** What the server that was started last has said. */
  get log(): string {
    return this.postmaster?.said ?? '';
  }

  /** kill -9 of the postmaster. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** As an administrator would: clients are cut off, everything is on disk. */
  stop(): Promise<void> {
    return this.end('SIGINT');
  }

  /** Rows of one statement on a connection of its own. */
  async ask<Row extends pg.QueryResultRow>(text: string, database = 'signalbox'): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.urlOf(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** A standby that streams from this server and answers reads; resolves when it does. */
  async standby({ name, primaryUrl = this.url, settings = [] }: StandbyOptions): Promise<PostgresServer> {
    const home = await mkdtemp(join(tmpdir(), 'signalbox-postgres-'));
    const directory = join(home, 'data');
    await this.copyTo(directory);
    const { hostname, port, username } = new URL(primaryUrl);
    const conninfo = [
      `host=${hostname} port=${port} user=${username} password=${this.password}`,
      `application_name=${name}`,
      // A primary that is silent behind a proxy counts as gone.
      'connect_timeout=5',
    ].join(' ');
    await writeFile(join(directory, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
    await writeFile(join(directory, 'standby.signal'), '');
    await this.giveAway(home);
    const options = { ...this.options, settings };
    const standby = new PostgresServer(this.programs, directory, home, await freePort(), this.password, options);
    await standby.start();
    return standby;
  }

  /** Resolves when everything committed here so far is applied on `standby`. */
  async isCaughtUpBy(standby: PostgresServer): Promise<void> {
    const [here] = await this.ask<{ lsn: string }>('SELECT pg_current_wal_flush_lsn() AS lsn');
    await until(
      () => standby.ask<{ there: boolean }>(`SELECT pg_last_wal_replay_lsn() >= '${here?.lsn ?? ''}' AS there`),
      ([row]) => row?.there === true,
      LONG_MS,
    );
  }

  /** A standby becomes a primary. */
  async promote(): Promise<void> {
    await this.ask(`SELECT pg_promote(true, ${LONG_MS / 1_000})`);
    await until(
      () => this.ask<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby'),
      ([row]) => row?.standby === false,
      LONG_MS,
    );
  }

  /** Ends it where it still runs, and takes its files away. */
  async remove(): Promise<void> {
    if (this.isRunning) await this.end('SIGQUIT');
    await rm(this.home, { recursive: true, force: true });
  }

  private spawn(): Postmaster {
    const settings = serverSettings(this.port, this.options.settings ?? []).flatMap((setting) => ['-c', setting]);
    const { env, ...options } = processOptions(this.programs);
    const child = spawn(this.programs.postgres, ['-D', this.directory, ...settings], {
      ...options,
      env: { ...env, ...this.options.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const postmaster = { child, said: '', exited: once(child, 'exit') };
    child.stderr.setEncoding('utf8').on('data', (text: string) => (postmaster.said += text));
    this.postmaster = postmaster;
    return postmaster;
  }

  /** Resolves with what it said when it ended, with undefined when it takes connections. */
  private async ready(server: Postmaster): Promise<string | undefined> {
    const end = performance.now() + LONG_MS;
    while (this.isRunning) {
      const answers = await this.ask('SELECT 1', 'postgres').catch(() => undefined);
      if (answers) return undefined;
      if (performance.now() > end) throw new Error(`no connection in ${LONG_MS} ms: ${server.said}`);
      await sleep(20);
    }
    return server.said;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.pid, signal);
    await this.postmaster?.exited;
  }

  private urlOf(database: string): string {
    return `postgresql://signalbox:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  private async initialise(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const secret = join(this.home, 'secret');
    await writeFile(secret, this.password, { mode: 0o600 });
    await this.giveAway(this.home);
    const args = ['-D', this.directory, '-U', 'signalbox', '--pwfile', secret, '--auth=scram-sha-256'];
    await runProgram(this.programs, this.programs.initdb, [...args, '--encoding=UTF8', '--locale=C.UTF-8']);
    await rm(secret);
  }

  /** A base backup: the files as they are while the server writes them, and the label that says where their log begins. */
  private async copyTo(directory: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(`SELECT pg_backup_start('standby', fast => true)`);
      await cp(this.directory, directory, { recursive: true, filter: (path) => isCopied(path, this.directory) });
      const { rows } = await client.query<{ labelfile: string }>(
        'SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)',
      );
      await writeFile(join(directory, 'backup_label'), rows[0]?.labelfile ?? '');
      await chmod(directory, 0o700);
    } finally {
      await client.end();
    }
  }

  /** The folder and all in it belong to the account the server runs as. */
  private async giveAway(folder: string): Promise<void> {
    const { account } = this.programs;
    if (!account) return;
    await chown(folder, account.uid, account.gid);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      await chown(join(entry.parentPath, entry.name), account.uid, account.gid);
    }
  }
}

/** Logs and locks of the running server are not part of a copy. */
function isCopied(path: string, directory: string): boolean {
  const inside = path.slice(directory.length + 1);
  if (/^(postmaster\.(pid|opts)|server\.log)$/.test(inside)) return false;
  return !inside.startsWith('pg_wal/');
}
