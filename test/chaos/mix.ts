/** What networks do to a chaos: every kind of fault at a low probability, on every wire. */
import type { Cluster } from '../support/cluster.js';
import type { FaultProxy, PlannedFault } from '../support/fault-proxy.js';

/** Milliseconds: some requests arrive after their caller gave them up (ENGINE_TIMEOUT of a chaos is 1.5 s). */
const HTTP: PlannedFault[] = [
  { fault: { do: 'drop-request' }, probability: 0.01 },
  { fault: { do: 'duplicate' }, probability: 0.01 },
  { fault: { do: 'delay', ms: 300 }, probability: 0.01 },
  { fault: { do: 'delay', ms: 2_500 }, probability: 0.002 },
];
/** A run takes dozens of turns with the database, and a message of its protocol cannot be doubled. */
const DATABASE: PlannedFault[] = [
  { fault: { do: 'lose-response' }, probability: 0.001 },
  { fault: { do: 'drop-request' }, probability: 0.0005 },
  { fault: { do: 'delay', ms: 200 }, probability: 0.001 },
];

/** `lost`: the part of all answers over HTTP that is lost. */
export function planMix(cluster: Cluster, lost: number): void {
  for (const fault of [{ fault: { do: 'lose-response' }, probability: lost } as const, ...HTTP]) {
    cluster.proxies.engine.plan(fault);
    for (const proxy of apiProxies(cluster)) proxy.plan(fault);
  }
  for (const fault of DATABASE) cluster.proxies.database.plan(fault);
}

export function allProxies(cluster: Cluster): FaultProxy[] {
  return [cluster.proxies.engine, cluster.proxies.database, ...apiProxies(cluster)];
}

/** Over all proxies, by kind. */
export function countFaults(cluster: Cluster): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { befallen } of allProxies(cluster)) {
    for (const [kind, count] of befallen) counts[kind] = (counts[kind] ?? 0) + count;
  }
  return counts;
}

function apiProxies(cluster: Cluster): FaultProxy[] {
  return [cluster.apiProxy('api-1'), cluster.apiProxy('api-2')];
}
