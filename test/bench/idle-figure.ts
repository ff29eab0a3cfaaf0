/** What a whole `server` with the local engine does while nobody wants anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchDatabase } from './bench-database.js';
import { startProduct } from './child-process.js';
import type { Figure } from './figure.js';
import { cpuSeconds, MachineProbe } from './machine-probe.js';

/** After the start, and four passes of the reconciler. */
const SETTLE_MS = 10_000;
const WATCH_MS = 60_000;

export async function idleFigures(dataDir: string): Promise<Figure[]> {
  const own = await startBenchDatabase({ settings: ['shared_preload_libraries=pg_stat_statements'] });
  try {
    await own.database.query({ text: 'CREATE EXTENSION pg_stat_statements' });
    const product = await startProduct('server', { DATABASE_URL: own.url, DATA_DIR: dataDir });
    try {
      await sleep(SETTLE_MS);
      const probe = new MachineProbe([own.pid]);
      await own.database.query({ text: 'SELECT pg_stat_statements_reset()' });
      const before = cpuSeconds([product.pid]);
      await sleep(WATCH_MS);
      const after = cpuSeconds([product.pid]);
      const { rows } = await own.database.query<{ calls: number; query: string }>({
        text: `SELECT sum(calls)::int AS calls, query FROM pg_stat_statements
               WHERE query NOT LIKE '%pg_stat_statements%' GROUP BY query ORDER BY 1 DESC`,
      });
      const seconds = WATCH_MS / 1000;
      const machine = probe.report();
      const statements = rows.reduce((sum, row) => sum + row.calls, 0) / seconds;
      const most = rows.slice(0, 6).map((row) => [row.calls, row.query.replace(/\s+/g, ' ').slice(0, 80)]);
      const used = before === undefined || after === undefined ? Number.NaN : after - before;
      return [
        {
          figure: 'idle statements',
          unit: '/s',
          value: statements,
          goal: { of: 'value', at: 'most', is: 3 },
          details: { seconds, most },
          machine,
        },
        {
          figure: 'idle CPU',
          unit: '% of a core',
          value: (used / seconds) * 100,
          goal: { of: 'value', at: 'most', is: 1 },
          details: { seconds },
          machine,
        },
      ];
    } finally {
      await product.stop();
    }
  } finally {
    await own.stop();
  }
}
