/** Three times as many requests as can be answered, from clients that do not wait for each other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchDatabase } from './bench-database.js';
import { keepOffLoad, startProduct } from './child-process.js';
import { median, type Figure } from './figure.js';
import { Load } from './load.js';
import { MachineProbe } from './machine-probe.js';
import { POST_REQUEST } from './record-figures.js';
import { seedRuns, seedWorkflow } from './seed-runs.js';

const RUNS = 50_000;
const TIMES = 3;
const CONNECTIONS = 2_000;
const PEAK_CONNECTIONS = 16;

export interface OverloadOptions {
  seconds: number;
  rounds: number;
  roundMs: number;
  dataDir: string;
}

/** Goodput beside the peak of the same run, and what was said to those that were refused. */
export async function overloadFigures({ seconds, rounds, roundMs, dataDir }: OverloadOptions): Promise<Figure[]> {
  const own = await startBenchDatabase();
  // Peak and overload on the same cores, whatever the load needs for three times as many requests.
  keepOffLoad(own.pid);
  const load = Load.start();
  try {
    // Planned for a record, as it is in the end: for none, PostgreSQL plans anew within the minute.
    await seedRuns(own.database, await seedWorkflow(own.database), RUNS);
    const env = { DATABASE_URL: own.url, DATA_DIR: dataDir, LOG_LEVEL: 'error' };
    const product = await startProduct('api', env);
    try {
      const { url, pid } = product;
      keepOffLoad(pid);
      const requests = [POST_REQUEST];
      const peaks: number[] = [];
      const takePeaks = async (): Promise<void> => {
        for (let round = 0; round < rounds; round++) {
          const job = { url, requests, status: 201, connections: PEAK_CONNECTIONS, durationMs: roundMs };
          peaks.push((await load.run(job)).perSecond);
        }
      };
      const probe = new MachineProbe([own.pid]);
      await takePeaks();
      // The first ones compile and plan.
      peaks.splice(0, Math.floor(rounds / 2));
      const perSecond = median(peaks) * TIMES;
      const result = await load.runOpen({
        url,
        requests,
        perSecond,
        connections: CONNECTIONS,
        durationMs: seconds * 1000,
      });
      await sleep(1_000);
      // Before and after, since a shared machine changes within a minute.
      await takePeaks();
      const machine = probe.report();
      const peak = median(peaks);
      const refused = (result.statuses['429'] ?? 0) + (result.statuses['503'] ?? 0);
      const answered = Object.values(result.statuses).reduce((sum, count) => sum + count, 0);
      const wrong = answered - refused - (result.statuses['201'] ?? 0) + result.withoutRetryAfter + result.unanswered;
      return [
        {
          figure: 'overload',
          unit: 'runs/s',
          value: result.goodPerSecond,
          floor: peak,
          ratio: result.goodPerSecond / peak,
          goal: { of: 'ratio', at: 'least', is: 0.9 },
          details: { seconds, per_second: Math.round(perSecond), ...result, peaks: peaks.map(Math.round) },
          machine,
        },
        {
          figure: 'overload other answers',
          unit: 'answers',
          value: wrong,
          goal: { of: 'value', at: 'most', is: 0 },
          details: { refused, statuses: result.statuses, unanswered: result.unanswered },
          machine,
        },
      ];
    } finally {
      await product.stop();
    }
  } finally {
    await load.stop();
    await own.stop();
  }
}
