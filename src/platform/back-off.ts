const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/** Milliseconds to wait after so many failures in a row: doubling from half a second to a minute. */
export function backOffMs(failures: number): number {
  return Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
}
