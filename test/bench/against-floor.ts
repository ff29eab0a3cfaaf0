import type { Figure } from './figure.js';
import { median } from './figure.js';
import type { Load, LoadResult } from './load.js';
import { cpuSeconds, MachineProbe } from './machine-probe.js';

export interface Comparison {
  figure: string;
  /** Least ratio of answers a second. */
  goal: number;
  requests: string[];
  status: number;
  product: { url: string; pid: number };
  floor: { url: string; pid: number };
  load: Load;
  rounds: number;
  roundMs: number;
  /** More processes that work for the figure. */
  roots: number[];
}

const CONNECTIONS = 16;
const WARM_ROUNDS = 3;

/** With the CPU of the server's own process per answer, which says more than throughput where cores are shared. */
type Round = LoadResult & { cpuUs: number };

/** Product and floor by turns, so that what the machine does meanwhile meets both; medians of the rounds. */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { requests, status, load, roundMs, product, floor } = comparison;
  const drive = async (server: { url: string; pid: number }): Promise<Round> => {
    const before = cpuSeconds([server.pid]);
    const job = { url: server.url, requests, status, connections: CONNECTIONS, durationMs: roundMs };
    const result = await load.run(job);
    const after = cpuSeconds([server.pid]);
    const used = before === undefined || after === undefined ? Number.NaN : after - before;
    return { ...result, cpuUs: (used * 1e6) / result.answers };
  };
  // Compiled code, prepared statements, pages in memory.
  for (let warm = 0; warm < WARM_ROUNDS; warm++) {
    await drive(product);
    await drive(floor);
  }
  const probe = new MachineProbe(comparison.roots);
  const a: Round[] = [];
  const b: Round[] = [];
  for (let round = 0; round < comparison.rounds; round++) {
    a.push(await drive(product));
    b.push(await drive(floor));
  }
  const value = median(a.map((one) => one.perSecond));
  const floorValue = median(b.map((one) => one.perSecond));
  return {
    figure: comparison.figure,
    unit: 'requests/s',
    value,
    floor: floorValue,
    ratio: value / floorValue,
    goal: { of: 'ratio', at: 'least', is: comparison.goal },
    details: {
      rounds: a.map((one, index) => [Math.round(one.perSecond), Math.round(b[index]?.perSecond ?? 0)]),
      p50_ms: median(a.map((one) => one.p50Ms)),
      p99_ms: median(a.map((one) => one.p99Ms)),
      floor_p50_ms: median(b.map((one) => one.p50Ms)),
      floor_p99_ms: median(b.map((one) => one.p99Ms)),
      cpu_us: Math.round(median(a.map((one) => one.cpuUs))),
      floor_cpu_us: Math.round(median(b.map((one) => one.cpuUs))),
    },
    machine: probe.report(),
  };
}
