/** From `signalbox server` to the first 200 of /readyz, on a database that is there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchDatabase } from './bench-database.js';
import { startProduct } from './child-process.js';
import { median, type Figure } from './figure.js';
import { MachineProbe } from './machine-probe.js';

/** With a PostgreSQL that runs, and with the embedded one, which is started as well. */
export async function startupFigures(rounds: number, dataDir: string): Promise<Figure[]> {
  const own = await startBenchDatabase();
  try {
    return [
      await startup('startup', { DATABASE_URL: own.url, DATA_DIR: `${dataDir}/given` }, rounds, [own.pid]),
      await startup('startup embedded', { DATA_DIR: `${dataDir}/embedded` }, rounds, []),
    ];
  } finally {
    await own.stop();
  }
}

async function startup(figure: string, env: Record<string, string>, rounds: number, roots: number[]): Promise<Figure> {
  // Makes the database what it is from then on.
  await startMs(env);
  const probe = new MachineProbe(roots);
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) taken.push(await startMs(env));
  return {
    figure,
    unit: 'ms',
    value: median(taken),
    goal: { of: 'value', at: 'most', is: 2_000 },
    details: { rounds: taken.map(Math.round) },
    machine: probe.report(),
  };
}

async function startMs(env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const product = await startProduct('server', env);
  try {
    while ((await fetch(`${product.url}/readyz`)).status !== 200) await sleep(5);
    return performance.now() - began;
  } finally {
    await product.stop();
  }
}
