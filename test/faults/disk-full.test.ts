/** B: the disk under PostgreSQL is full, or says that it could not write. */
import { afterEach, expect } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failSyncs, syncFaultObstacle } from '../support/failing-syncs.js';
import { PostgresServer } from '../support/postgres-server.js';
import { ServiceOn } from '../support/service-on.js';
import { lastLine, testWhere } from '../support/test-where.js';
import { until } from '../support/until.js';
import { form } from './form.js';

const SIZE = '200m';
/** Little enough log that most of the disk is left to fill. */
const SETTINGS = ['max_wal_size=64MB', 'min_wal_size=32MB'];

let postgres: PostgresServer | undefined;
let service: ServiceOn | undefined;
let volume: string | undefined;
afterEach(async () => {
  await service?.close();
  await postgres?.remove().catch(() => undefined);
  if (volume !== undefined) unmount(volume);
  [service, postgres, volume] = [undefined, undefined, undefined];
});

testWhere(mountObstacle())(
  'F13: on a full disk requests are answered 503, no 201 is lost, and space heals it',
  async () => {
    volume = mount();
    await chmod(volume, 0o755);
    postgres = await PostgresServer.start({ home: join(volume, 'postgres'), settings: SETTINGS });
    service = await ServiceOn.start(postgres.url);
    const load = service.load('f13');
    await load.answered(form(20, 200));

    const ballast = join(volume, 'ballast');
    await fill(ballast);
    await until(
      async () => load.refused,
      (count) => count >= 20,
      120_000,
    );
    // The log needs a segment that there is no room for: the server stops in the middle of a write.
    for (let segment = 0; segment < 8; segment++) await postgres.ask('SELECT pg_switch_wal()').catch(() => undefined);
    const refused = load.refused;
    await until(
      async () => load.refused,
      (count) => count >= refused + 20,
      120_000,
    );
    expect((await fetch(`${service.process.url}/livez`)).status).toBe(200);

    await rm(ballast);
    // A server that gave up is started again by whoever looks after it.
    if (!postgres.isRunning) await postgres.start();
    await load.answered(form(20, 200), 120_000);
    await load.end();
    await service.check(load.created);
  },
  600_000,
);

testWhere(syncFaultObstacle())(
  'F13: when the disk cannot sync the log, nothing is answered 201 that is not there afterwards',
  async () => {
    postgres = await PostgresServer.start({ settings: SETTINGS });
    service = await ServiceOn.start(postgres.url);
    const load = service.load('f13-sync');
    await load.answered(form(20, 200));

    const heal = await failSyncs(postgres.pid);
    // Backends there are were forked before; those that come in their place are watched.
    await postgres
      .ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()')
      .catch(() => undefined);
    const refused = load.refused;
    await until(
      async () => load.refused,
      (count) => count >= refused + 20,
      120_000,
    );
    await heal();
    await sleep(200);
    if (!postgres.isRunning) await postgres.start();
    await load.answered(form(20, 200), 120_000);
    await load.end();
    await service.check(load.created);
    expect(postgres.log).toMatch(/PANIC: .*(fdatasync|Input\/output error)/);
  },
  600_000,
);

function mountObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'needs a tmpfs of its own, which is Linux';
  if (process.getuid?.() !== 0) return 'needs a tmpfs of its own, which only root may mount';
  try {
    unmount(mount());
    return undefined;
  } catch (error) {
    return `needs a tmpfs of its own, which cannot be mounted here (${lastLine(error)})`;
  }
}

function mount(): string {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'pipe' });
    return folder;
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder], { stdio: 'pipe' });
  rmSync(folder, { recursive: true });
}

/** Writes until there is no space left. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let block = Buffer.alloc(1 << 20); block.length > 0;) {
      const full = await file.write(block).then(
        ({ bytesWritten }) => bytesWritten < block.length,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'ENOSPC') throw error;
          return true;
        },
      );
      if (full) block = block.subarray(0, block.length >> 1);
    }
  } finally {
    await file.close();
  }
}
