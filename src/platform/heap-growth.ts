import { setFlagsFromString } from 'node:v8';

/** How much more than what is in use the old generation may hold before it is collected, in percent. */
const GROWING_PERCENT = 40;

/**
 * Left alone, V8 lets a heap of some 60 MB grow by another 130 of garbage, and keeps it while nothing happens: a service beside
 * others has to be small. V8 reads the flag with every collection, so it may be set at any time.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
