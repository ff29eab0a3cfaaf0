// Argo's archive of ended workflows: a PostgreSQL of Debian, on the bridge, where the controller's pod reaches it.
import { existsSync } from 'node:fs';
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_IP, POD_NETWORK, RUN_FOLDER } from './places.js';
import { outputOf } from './run-program.js';

export const DATABASE_SERVICE = 'postgres';
/** Of the server's own user: the lab's folder may lie where that user may not look. */
export const DATABASE_FOLDER = '/var/lib/postgresql/signalbox-argo';
const PORT = '15432';
const PASSWORD = 'argo-lab';
const PROGRAMS = '/usr/lib/postgresql';

export async function startDatabase(lab) {
  const [newest] = (await readdir(PROGRAMS)).sort((a, b) => Number(b) - Number(a));
  const program = (name) => join(PROGRAMS, newest, 'bin', name);
  const asPostgres = (...args) => ['-u', 'postgres', '--', ...args];
  if (!existsSync(join(DATABASE_FOLDER, 'PG_VERSION'))) {
    const passwordFile = join(RUN_FOLDER, 'postgres-password');
    await outputOf('install', ['-d', '-o', 'postgres', DATABASE_FOLDER]);
    await writeFile(passwordFile, `${PASSWORD}\n`, { mode: 0o644 });
    const settings = ['-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-U', 'argo'];
    await outputOf('runuser', asPostgres(program('initdb'), '-D', DATABASE_FOLDER, ...settings));
    await appendFile(join(DATABASE_FOLDER, 'pg_hba.conf'), `host all all ${POD_NETWORK} scram-sha-256\n`);
  }
  // Speed before durability: what is lost with a crash of the machine is a lab.
  const settings = [`unix_socket_directories=${DATABASE_FOLDER}`, 'fsync=off', 'max_connections=60'];
  const flags = ['-D', DATABASE_FOLDER, '-h', NODE_IP, '-p', PORT, ...settings.flatMap((setting) => ['-c', setting])];
  await lab.start(DATABASE_SERVICE, 'runuser', asPostgres(program('postgres'), ...flags), process.env);
  const query = (sql) =>
    outputOf('psql', ['-h', NODE_IP, '-p', PORT, '-U', 'argo', '-d', 'postgres', '-tAc', sql], {
      env: { PGPASSWORD: PASSWORD },
    });
  await lab.until('the database answers', [DATABASE_SERVICE], () => query('SELECT 1'));
  if ((await query("SELECT 1 FROM pg_database WHERE datname = 'argo'")) !== '1') await query('CREATE DATABASE argo');
}
