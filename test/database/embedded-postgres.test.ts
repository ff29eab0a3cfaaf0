import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js';
import { findPostgresPrograms, freePort, processOptions } from '../../src/platform/postgres-programs.js';
import { childrenOf, killAll } from '../support/process-children.js';
import { testWhere } from '../support/test-where.js';
import { until } from '../support/until.js';

const QUICK = { settings: ['fsync=off'] };

let folder: string;
const outside: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-embedded-'));
  await chmod(folder, 0o755);
});
afterAll(async () => {
  for (const path of [folder, ...outside]) await rm(path, { recursive: true, force: true });
});

async function tables(url: string, statement?: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  if (statement !== undefined) await client.query(statement);
  const { rows } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  await client.end();
  return rows.map((row) => row.name);
}

test('a start that is refused leaves no server behind', async () => {
  const home = join(folder, 'refused');
  const { directory, stop } = await startEmbeddedPostgres(home, QUICK);
  await stop();
  await writeFile(join(home, 'postgres.password'), 'of another data directory\n');
  await expect(startEmbeddedPostgres(home, QUICK)).rejects.toMatchObject({ code: '28P01' });
  expect(existsSync(join(directory, 'postmaster.pid'))).toBe(false);
});

test('a server that is given up goes on, and whoever starts it next owns it', async () => {
  const home = join(folder, 'given-up');
  const first = await startEmbeddedPostgres(home, QUICK);
  await expect(startEmbeddedPostgres(home, QUICK)).rejects.toThrow(/in use by another Signalbox/);
  await first.release();
  const next = await startEmbeddedPostgres(home, QUICK);
  expect([next.adopted, next.url]).toEqual([true, first.url]);
  await next.stop();
  expect(existsSync(join(next.directory, 'postmaster.pid'))).toBe(false);
});

test('a server that was killed and that nobody collects is followed by another on the same files', async () => {
  const home = join(folder, 'killed');
  const { directory, stop, url } = await startEmbeddedPostgres(home, QUICK);
  await tables(url, 'CREATE TABLE kept (id int)');
  await stop();
  const programs = await findPostgresPrograms();
  // Its parent becomes a program that collects no children, as the first process of a container may be.
  const script = '"$0" -D "$1" -c unix_socket_directories= -c listen_addresses=127.0.0.1 -c port="$2" & exec sleep 600';
  const args = ['-c', script, programs.postgres, directory, String(await freePort())];
  const parent = spawn('sh', args, { ...processOptions(programs), stdio: 'ignore' });
  try {
    const lock = join(directory, 'postmaster.pid');
    const ready = await until(
      () => readFile(lock, 'utf8').catch(() => ''),
      (text) => text.includes('ready'),
    );
    const postmaster = Number(ready.split('\n')[0]);
    killAll([postmaster, ...(await childrenOf(postmaster))]);
    await until(
      () => readFile(`/proc/${postmaster}/stat`, 'utf8'),
      (facts) => facts.includes(') Z '),
    );
    const next = await startEmbeddedPostgres(home, QUICK);
    expect([next.adopted, await tables(next.url)]).toEqual([false, ['kept']]);
    await next.stop();
  } finally {
    parent.kill('SIGKILL');
  }
});

/** Only root's database runs as another account, which may not walk everywhere. */
const testAsRoot = testWhere(
  process.getuid?.() === 0 ? undefined : 'needs root, whose database runs as another account',
);

describe('where the account of the database cannot walk', () => {
  const start = async (home: string): ReturnType<typeof startEmbeddedPostgres> => {
    const started = await startEmbeddedPostgres(home, QUICK);
    outside.push(dirname(started.directory));
    return started;
  };

  testAsRoot(
    'the database lives elsewhere, is found again, and is not found by a data directory made anew',
    async () => {
      const closed = join(folder, 'closed');
      const home = join(closed, 'data');
      await mkdir(closed, { mode: 0o700 });
      const umask = process.umask(0o077);
      const first = await start(home).finally(() => process.umask(umask));
      expect(first.directory.startsWith(folder)).toBe(false);
      await tables(first.url, 'CREATE TABLE kept (id int)');
      await first.stop();

      const second = await start(home);
      expect([second.directory, await tables(second.url)]).toEqual([first.directory, ['kept']]);
      await second.stop();

      await rm(home, { recursive: true });
      const anew = await start(home);
      expect([anew.directory === first.directory, await tables(anew.url)]).toEqual([false, []]);
      await anew.stop();
    },
  );

  testAsRoot('a database that lies in the data directory is not left for an empty one', async () => {
    const parent = join(folder, 'was-open');
    const home = join(parent, 'data');
    await mkdir(parent, { mode: 0o755 });
    const { directory, stop } = await startEmbeddedPostgres(home, QUICK);
    expect(directory).toBe(join(home, 'postgres'));
    await stop();
    await chmod(parent, 0o700);
    await expect(startEmbeddedPostgres(home, QUICK)).rejects.toThrow(/did not start|cannot/);
    expect(existsSync(join(home, 'postgres.location'))).toBe(false);
  });
});
