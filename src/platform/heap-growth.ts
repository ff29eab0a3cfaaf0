import { setFlagsFromString } from 'node:v8';

/** How much more than what is in use the old generation may hold before it is collected, in percent. */
const GROWING_PERCENT = 40;

/**
 * Left alone, V8 lets a heap of some 60 MB grow by another 130 of garbage, and keeps it while nothing happens: a service beside
 * others has to be small. Set while the process runs it holds as it does on the command line (Node 20: 168 and 170 MB).
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
