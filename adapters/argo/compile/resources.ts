import type { Json } from '../../../definition/definition-types.js';
import { argumentText } from '../../../definition/references.js';

/** How Kubernetes writes amounts. */
const QUANTITY = /^\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;

/** Requests and limits of a container; nothing when nothing is asked for. */
export function toContainerResources(resources: Json | undefined): object | undefined {
  if (!isRecord(resources)) return undefined;
  const { cpu, memory, ephemeralStorage, gpu, limits } = resources;
  const requests = amounts({ cpu, memory, 'ephemeral-storage': ephemeralStorage });
  // Kubernetes gives whole devices, which it takes from the limits.
  const most = amounts({ ...(isRecord(limits) ? limits : {}), 'nvidia.com/gpu': gpu === 0 ? undefined : gpu });
  if (Object.keys(requests).length + Object.keys(most).length === 0) return undefined;
  return {
    ...(Object.keys(requests).length === 0 ? {} : { requests }),
    ...(Object.keys(most).length === 0 ? {} : { limits: most }),
  };
}

/** Where below `resources` something stands that Kubernetes has no words for, and why. */
export function resourceProblems(resources: Json | undefined): { path: string[]; reason: string }[] {
  if (resources === undefined) return [];
  if (!isRecord(resources)) {
    return [
      {
        path: [],
        reason: 'names a profile; on Argo amounts are written out: cpu, memory, ephemeralStorage, gpu, limits',
      },
    ];
  }
  const problems: { path: string[]; reason: string }[] = [];
  for (const name of ['gpuType', 'sharedMemory']) {
    if (resources[name] !== undefined) problems.push({ path: [name], reason: 'is nothing that Argo can be asked for' });
  }
  const limits = isRecord(resources['limits']) ? resources['limits'] : {};
  const written: [string[], Json | undefined][] = [
    ...['cpu', 'memory', 'ephemeralStorage'].map((name): [string[], Json | undefined] => [[name], resources[name]]),
    ...Object.entries(limits).map(([name, value]): [string[], Json | undefined] => [['limits', name], value]),
  ];
  for (const [path, value] of written) {
    if (value !== undefined && !QUANTITY.test(argumentText(value))) {
      problems.push({ path, reason: 'is no amount of Kubernetes, such as 500m, 2, 512Mi' });
    }
  }
  return problems;
}

function amounts(named: Record<string, Json | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, argumentText(value)]])),
  );
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
