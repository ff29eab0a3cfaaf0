/** A pass over active runs of an engine that takes 30 ms a call and lists 100 executions a page; the runs go on unchanged. */
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../../src/read-config.js';
import { createApp } from '../../src/create-app.js';
import { readEnginesFile } from '../../src/engines/engines-file.js';
import { Database } from '../../src/platform/database.js';
import { Log } from '../../src/platform/log.js';
import { Reconciler, type EnginePass } from '../../src/reconcile/reconciler.js';
import { controlScriptedEngine } from '../support/scripted-engine/scripted-engine-control.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { startScriptedEngineProcess, startScriptedService } from '../support/service-process.js';
import { until } from '../support/until.js';
import { startBenchDatabase, type BenchDatabase } from './bench-database.js';
import { ENGINE, seedBacklog, seedScriptedWorkflow, workFolder } from './engine-work.js';
import { median, type Figure } from './figure.js';
import { MachineProbe } from './machine-probe.js';

const CALL_MS = 30;
/** A connection that rests tells within ten seconds what it wrote before: that is no part of what is measured. */
const IDLE_CONNECTIONS_TELL_MS = 11_000;
const PAGE = 100;
/** Calls of a pass beside its pages. */
const MORE_CALLS = 3;

/** Time, calls and written rows of a pass over `runs` active runs. */
export async function reconcileFigures(runs: number, goalMs: number, rounds: number): Promise<Figure[]> {
  const own = await startBenchDatabase();
  const engine = await startScriptedEngineProcess();
  const folder = await workFolder(own.url, engine.url);
  const control = controlScriptedEngine(engine.controlUrl);
  try {
    await seedBacklog(own.database, await seedScriptedWorkflow(own.database), runs);
    await submitAll(own, folder.env, runs);
    const reconciler = await openReconciler(own.url, folder.env);
    try {
      // What the engine says of runs that have just begun is stored once.
      await until(reconciler.pass, (pass) => pass.changed === 0 && pass.checked === runs);
      // What the engine was never asked about is listed in passes of their own, every ORPHAN_INTERVAL: not in those measured.
      await until(
        async () => (await reconciler.pass()) && listedAt(own),
        (at) => at !== null,
      );
      await control.addRule({ effect: { do: 'delay', ms: CALL_MS } });
      await sleep(IDLE_CONNECTIONS_TELL_MS);
      const calls = async (): Promise<number> => sum(Object.values(await control.calls()));
      const probe = new MachineProbe([own.pid, engine.child.pid ?? 0]);
      const taken: { ms: number; calls: number; rows: number; walBytes: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = { calls: await calls(), ...(await written(own)) };
        const pass = await reconciler.pass();
        if (pass.checked !== runs || pass.changed > 0 || pass.failed.length > 0) {
          throw new Error(`a pass was not over ${runs} unchanged runs: ${JSON.stringify(pass).slice(0, 500)}`);
        }
        const after = { calls: await calls(), ...(await written(own)) };
        taken.push({
          ms: pass.took_ms,
          calls: after.calls - before.calls,
          rows: after.rows - before.rows,
          walBytes: after.walBytes - before.walBytes,
        });
      }
      return toFigures(runs, goalMs, taken, probe);
    } finally {
      await reconciler.close();
    }
  } finally {
    await engine.stop();
    await folder.remove();
    await own.stop();
  }
}

function toFigures(
  runs: number,
  goalMs: number,
  taken: { ms: number; calls: number; rows: number; walBytes: number }[],
  probe: MachineProbe,
): Figure[] {
  const machine = probe.report();
  const most = (of: (one: (typeof taken)[number]) => number, figure: string, unit: string, goal: number): Figure => ({
    figure: `${figure} ${runs}`,
    unit,
    value: Math.max(...taken.map(of)),
    goal: { of: 'value', at: 'most', is: goal },
    details: { rounds: taken.map(of) },
    machine,
  });
  return [
    {
      figure: `reconcile ${runs}`,
      unit: 'ms',
      value: median(taken.map((one) => one.ms)),
      goal: { of: 'value', at: 'most', is: goalMs },
      details: { call_ms: CALL_MS, page: PAGE, rounds: taken.map((one) => one.ms) },
      machine,
    },
    most((one) => one.calls, 'reconcile calls', 'calls', Math.ceil(runs / PAGE) + MORE_CALLS),
    {
      // Health and pass of the engine are two changes of its one row.
      ...most((one) => one.rows, 'reconcile writes', 'rows', 1),
      details: { rounds: taken.map((one) => one.rows), wal_bytes: taken.map((one) => one.walBytes) },
    },
  ];
}

/** When all executions of the engine were listed. */
async function listedAt(own: BenchDatabase): Promise<Date | null> {
  const { rows } = await own.database.query<{ at: Date | null }>({
    text: 'SELECT listed_at AS at FROM engines WHERE name = $1',
    values: [ENGINE],
  });
  return rows[0]?.at ?? null;
}

/** A worker of the service brings the runs to the engine, and goes. */
async function submitAll(own: BenchDatabase, env: Record<string, string>, runs: number): Promise<void> {
  const worker = await startScriptedService('worker', { ...env, RECONCILE_INTERVAL: '1s' });
  try {
    await until(
      async () => {
        const { rows } = await own.database.query<{ count: number }>({
          text: `SELECT count(*)::int AS count FROM workflow_runs WHERE state = 'RUNNING' AND next_action_at IS NULL`,
        });
        return rows[0]?.count ?? 0;
      },
      (count) => count === runs,
      600_000,
    );
  } finally {
    await worker.stop();
  }
}

interface OpenReconciler {
  pass(): Promise<EnginePass>;
  close(): Promise<void>;
}

/** The reconciler of the service in this process, as `signalbox reconcile` has it, with the scripted engine. */
async function openReconciler(url: string, env: Record<string, string>): Promise<OpenReconciler> {
  const kinds = [scriptedEngineKind];
  const config = readConfig(env, process.cwd());
  const database = new Database({
    url,
    max: config.databasePoolSize,
    acquireTimeoutMs: 10_000,
    applicationName: 'signalbox-bench-reconcile',
  });
  const app = await createApp(config, {
    roles: { api: false, worker: false, reconcile: false },
    database,
    pendingMigrations: () => Promise.resolve([]),
    log: new Log({ level: 'error' }),
    engines: { kinds, entries: readEnginesFile(config.enginesFile, [scriptedEngineKind.kind], env) },
  });
  const reconciler = app.nest.get(Reconciler);
  return {
    pass: async () => {
      const { engines } = await reconciler.pass({ engine: ENGINE });
      const [pass] = engines;
      if (!pass) throw new Error('there was no pass');
      return pass;
    },
    close: async () => {
      await app.close();
      await database.close();
    },
  };
}

/** Rows written to any table since the database began, and bytes of its log. */
async function written({ database }: BenchDatabase): Promise<{ rows: number; walBytes: number }> {
  const read = async (): Promise<{ rows: number; walBytes: number }> => {
    const { rows } = await database.query<{ rows: number; walBytes: number }>({
      text: `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::float8 AS rows,
               pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS "walBytes" FROM pg_stat_user_tables`,
    });
    return rows[0] ?? { rows: 0, walBytes: 0 };
  };
  // A connection tells what it wrote within a second.
  let last = await read();
  for (let still = 0; still < 4;) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    const now = await read();
    still = now.rows === last.rows ? still + 1 : 0;
    last = now;
  }
  return last;
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}
