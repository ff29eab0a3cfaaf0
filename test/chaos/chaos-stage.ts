import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '../../src/migrations.js';
import { migrate } from '../../src/platform/migrator.js';
import { Cluster } from '../support/cluster.js';
import { openTestDatabase } from '../support/database.js';
import { PostgresServer } from '../support/postgres-server.js';
import { childrenOf, killAll } from '../support/process-children.js';
import { BUGS } from './bugs.js';
import type { ChaosOptions } from './chaos-options.js';
import { compileCopy } from './compiled-copy.js';

export const CANCEL_GRACE_MS = 5_000;
export const SUBMIT_GRACE_MS = 4_000;

/** Short enough that a lease ends between two kills, long enough for a busy machine. */
const TIMES = {
  ENGINE_TIMEOUT: '1500ms',
  LEASE: '2500ms',
  POLL_INTERVAL: '500ms',
  RECONCILE_INTERVAL: '2s',
  REFRESH_MAX_AGE: '500ms',
  SUBMIT_GRACE: `${SUBMIT_GRACE_MS}ms`,
  CANCEL_GRACE: `${CANCEL_GRACE_MS}ms`,
  ENGINE_MISSING_GRACE: '10s',
};

/** A killed process loses nothing that it has written, synced or not; synced, most of the time would go to recoveries. */
const SETTINGS = ['fsync=off'];

/** Everything a chaos happens to. */
export interface ChaosStage {
  cluster: Cluster;
  /** File to which tasks of the local engine write when they begin. */
  journal: string;
  /** kill -9 of PostgreSQL with all its processes, and a new one on the same files. */
  replacePostgres(): Promise<void>;
  close(): Promise<void>;
}

/** Two of everything, from a compiled copy of the service, on a PostgreSQL that can be killed. */
export async function startChaosStage(options: ChaosOptions, random: () => number): Promise<ChaosStage> {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const copy = await compileCopy(options.bug === undefined ? undefined : BUGS[options.bug]);
    undo.push(() => copy.remove());
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-chaos-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const postgres = await PostgresServer.start({ settings: SETTINGS });
    undo.push(() => postgres.remove());
    await migrate(postgres.url, MIGRATIONS);
    const cluster = await Cluster.start({
      database: openTestDatabase(postgres.url),
      random,
      programs: copy.programs,
      env: { ...TIMES, LOG_LEVEL: 'fatal' },
      engines: options.engine === 'scripted' ? {} : { local: { kind: 'local', options: { terminateGrace: '1s' } } },
    });
    undo.push(() => cluster.close());
    const replacePostgres = async (): Promise<void> => {
      const children = await childrenOf(postgres.pid);
      await postgres.kill();
      killAll(children);
      await postgres.start();
    };
    return { cluster, journal: join(folder, 'journal'), replacePostgres, close };
  } catch (error) {
    await close();
    throw error;
  }
}
