import type { Figure } from './figure.js';
import { median } from './figure.js';
import type { Load, LoadResult } from './load.js';
import { MachineProbe } from './machine-probe.js';

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

/** Product and floor by turns, so that what the machine does meanwhile meets both; medians of the rounds. */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { requests, status, load, roundMs, product, floor } = comparison;
  const drive = (url: string, durationMs: number): Promise<LoadResult> =>
    load.run({ url, requests, status, connections: CONNECTIONS, durationMs });
  // Compiled code, prepared statements, pages in memory.
  await drive(product.url, roundMs);
  await drive(floor.url, roundMs);
  const probe = new MachineProbe(comparison.roots);
  const a: LoadResult[] = [];
  const b: LoadResult[] = [];
  for (let round = 0; round < comparison.rounds; round++) {
    a.push(await drive(product.url, roundMs));
    b.push(await drive(floor.url, roundMs));
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
    },
    machine: probe.report(),
  };
}
