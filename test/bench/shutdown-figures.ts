/** SIGTERM while requests come in: how long the process stays, and whether a client misses an answer to what was done. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchDatabase } from './bench-database.js';
import { startProduct } from './child-process.js';
import { median, type Figure } from './figure.js';
import { Load } from './load.js';
import { MachineProbe } from './machine-probe.js';
import { POST_REQUEST } from './record-figures.js';
import { seedWorkflow } from './seed-runs.js';

const PER_SECOND = 300;
const CONNECTIONS = 200;
const BEFORE_MS = 2_000;
const LOAD_MS = 4_000;

/** Time to the exit, and runs that are stored although no client holds their 201. */
export async function shutdownFigures(rounds: number, dataDir: string): Promise<Figure[]> {
  const own = await startBenchDatabase();
  const load = Load.start();
  try {
    await seedWorkflow(own.database);
    const probe = new MachineProbe([own.pid]);
    const taken: { ms: number; lost: number; created: number; refused: number; unanswered: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const product = await startProduct('server', {
        DATABASE_URL: own.url,
        DATA_DIR: `${dataDir}/${round}`,
        LOG_LEVEL: 'fatal',
      });
      const count = async (): Promise<number> => {
        const { rows } = await own.database.query<{ count: number }>({ text: 'SELECT count(*) FROM workflow_runs' });
        return rows[0]?.count ?? 0;
      };
      const before = await count();
      const job = { url: product.url, requests: [POST_REQUEST], perSecond: PER_SECOND, connections: CONNECTIONS };
      const loaded = load.runOpen({ ...job, durationMs: LOAD_MS });
      await sleep(BEFORE_MS);
      const began = performance.now();
      await product.stop();
      const ms = performance.now() - began;
      const result = await loaded;
      const created = result.statuses['201'] ?? 0;
      taken.push({
        ms,
        created,
        lost: (await count()) - before - created,
        refused: result.statuses['503'] ?? 0,
        unanswered: result.unanswered,
      });
    }
    const machine = probe.report();
    return [
      {
        figure: 'shutdown',
        unit: 'ms',
        value: median(taken.map((one) => one.ms)),
        goal: { of: 'value', at: 'most', is: 10_000 },
        details: { rounds: taken.map((one) => Math.round(one.ms)) },
        machine,
      },
      {
        figure: 'shutdown lost answers',
        unit: 'runs',
        value: Math.max(...taken.map((one) => one.lost)),
        goal: { of: 'value', at: 'most', is: 0 },
        details: { rounds: taken.map(({ created, refused }) => ({ created, refused })) },
        machine,
      },
    ];
  } finally {
    await load.stop();
    await own.stop();
  }
}
