/** G: the clock of the database's machine is set while the service works. */
import { afterEach, expect } from '@jest/globals';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PostgresServer } from '../support/postgres-server.js';
import { ServiceOn } from '../support/service-on.js';
import { testWhere } from '../support/test-where.js';
import { until } from '../support/until.js';
import { form } from './form.js';

const STEP_SECONDS = form(10, 60);
const LIBRARY = findLibrary();

let folder: string | undefined;
let postgres: PostgresServer | undefined;
let service: ServiceOn | undefined;
afterEach(async () => {
  await service?.close();
  await postgres?.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

testWhere(LIBRARY === undefined ? 'needs libfaketime (Debian package libfaketime)' : undefined)(
  `F59: a database clock that steps back ${STEP_SECONDS} s, and forth again, breaks no history and no lease`,
  async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-clock-'));
    await chmod(folder, 0o755);
    const clock = join(folder, 'clock');
    const step = (seconds: number): Promise<void> => writeFile(clock, `${seconds < 0 ? '' : '+'}${seconds}`);
    await step(0);
    postgres = await PostgresServer.start({
      settings: ['fsync=off'],
      env: {
        LD_PRELOAD: LIBRARY ?? '',
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      },
    });
    service = await ServiceOn.start(postgres.url);
    const load = service.load('f59');
    await load.answered(form(20, 200));
    for (const seconds of [-STEP_SECONDS, 0]) {
      await step(seconds);
      const off = await until(
        () => clockOffset(postgres),
        (now) => Math.abs(now - seconds) < 2,
      );
      expect(off).toBeLessThan(seconds + 2);
      await load.answered(form(20, 200));
      const leases = await postgres.ask<{ left: number }>(
        `SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 AS left FROM workflow_runs WHERE lease_token IS NOT NULL`,
      );
      // One given before the step ends later by as much; none has ended before it was given.
      for (const { left } of leases) expect(left).toBeGreaterThan(-STEP_SECONDS);
    }
    await load.end();
    await service.check(load.created);
    // The step was one: times go back where the order of events does not.
    const [row] = await postgres.ask<{ back: number }>(
      `SELECT count(*)::int AS back FROM (SELECT created_at < lag(created_at) OVER (ORDER BY id) AS back FROM workflow_runs) AS rows WHERE back`,
    );
    expect(row?.back).toBeGreaterThan(0);
  },
  600_000,
);

/** Seconds by which the database's clock differs from ours. */
async function clockOffset(server: PostgresServer | undefined): Promise<number> {
  const rows = await server?.ask<{ now: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 AS now');
  return (rows?.[0]?.now ?? 0) - Date.now() / 1_000;
}

function findLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return ['/usr/lib', '/usr/local/lib', '/usr/lib64']
    .filter((path) => existsSync(path))
    .flatMap((path) => [path, ...readdirSync(path).map((name) => join(path, name))])
    .map((path) => join(path, 'faketime', 'libfaketime.so.1'))
    .find((path) => existsSync(path));
}
