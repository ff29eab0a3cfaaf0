/** What the API holds in memory after many runs, with many of them active. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchDatabase } from './bench-database.js';
import { startProduct } from './child-process.js';
import type { Figure } from './figure.js';
import { Load, request } from './load.js';
import { MachineProbe, residentBytes } from './machine-probe.js';
import { POST_REQUEST } from './record-figures.js';
import { seedWorkflow } from './seed-runs.js';

const RUNS = 100_000;
const ACTIVE = 10_000;
const CONNECTIONS = 16;
const READ_MS = 10_000;
const SETTLE_MS = 3_000;

/** Resident memory of the process that answered all of it, when it has come to rest; beside it the highest it ever had. */
export async function memoryFigures(dataDir: string): Promise<Figure[]> {
  const own = await startBenchDatabase();
  const load = Load.start();
  try {
    await seedWorkflow(own.database);
    const product = await startProduct('api', { DATABASE_URL: own.url, DATA_DIR: dataDir });
    const probe = new MachineProbe([own.pid]);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, residentBytes(product.pid) ?? 0)), 100);
    try {
      const drive = (job: { requests: string[]; status: number; durationMs: number }): Promise<unknown> =>
        load.run({ url: product.url, connections: CONNECTIONS, ...job });
      const count = async (): Promise<number> => {
        const { rows } = await own.database.query<{ count: number }>({ text: 'SELECT count(*) FROM workflow_runs' });
        return rows[0]?.count ?? 0;
      };
      while ((await count()) < RUNS) await drive({ requests: [POST_REQUEST], status: 201, durationMs: 5_000 });
      await own.database.query({
        text: `UPDATE workflow_runs SET state = 'COMPLETED', finished_at = now(), next_action_at = NULL
               WHERE id <= (SELECT max(id) - $1 FROM workflow_runs)`,
        values: [ACTIVE],
      });
      const lists = ['', '&state=PENDING', '&label_selector=team%3Dteam-1'].map((query) =>
        request('GET', `/v1/workflow-runs?limit=100${query}`),
      );
      await drive({ requests: lists, status: 200, durationMs: READ_MS });
      const last = await count();
      const reads = Array.from({ length: 1000 }, (_, n) => request('GET', `/v1/workflow-runs/${last - n * 7}`));
      await drive({ requests: reads, status: 200, durationMs: READ_MS });
      await sleep(SETTLE_MS);
      const rest = (residentBytes(product.pid) ?? Number.NaN) / 1e6;
      return [
        {
          figure: 'memory',
          unit: 'MB',
          value: rest,
          goal: { of: 'value', at: 'most', is: 200 },
          details: { runs: last, active: ACTIVE, highest_mb: Math.round(most / 1e6) },
          machine: probe.report(),
        },
      ];
    } finally {
      clearInterval(watch);
      await product.stop();
    }
  } finally {
    await load.stop();
    await own.stop();
  }
}
