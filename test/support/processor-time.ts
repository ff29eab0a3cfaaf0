/** Milliseconds the probe takes on the machine whose bounds the tests and goals state. */
const PROBE_MS = { cold: 50, warm: 30 };

const probeText = JSON.stringify(Array.from({ length: 100_000 }, (_, id) => ({ id, name: `n-${id}` })));

/**
 * Milliseconds of processor time this process took for some work, the app under test included: what a bound on a hostile
 * request means, whoever else keeps the machine busy. The least of up to three tries, since background work counts too.
 * A machine that is slower right now, by a probe beside the work, is not held to the clock of a quick one: its milliseconds
 * are divided by as much as it is slower.
 */
export async function processorMs(enoughMs: number, work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && least >= enoughMs; tries += 1) {
    const took = await spent(work);
    least = Math.min(least, took < enoughMs ? took : took / (await slowness()));
  }
  return least;
}

/** Not below 1: a quick machine gets the bounds as they are stated. */
async function slowness(): Promise<number> {
  return Math.max(1, (await spent(probe)) / PROBE_MS.cold);
}

/**
 * How many times as long this machine takes for the same work right now as the one the goals were set on; below 1 on a faster one.
 * A lower clock, neighbours on the same core and whatever else the kernel does not account for show here and in no load.
 */
export function machineSlowness(): number {
  const tries = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    probe();
    return millisecondsSince(before);
  });
  return Math.min(...tries) / PROBE_MS.warm;
}

/** Parsed, walked and written: what requests are made of. */
function probe(): number {
  const values = JSON.parse(probeText) as { name: string }[];
  return values.reduce((sum, { name }) => sum + name.length, JSON.stringify(values).length);
}

async function spent(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return millisecondsSince(before);
}

function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
