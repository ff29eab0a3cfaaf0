const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Above this a duration is a slip of the pen, and sums would leave the exact integers. */
export const MAX_DURATION_MS = 3650 * 86_400_000;

/**
 * Milliseconds of a text such as `90s`, `1h30m` or `250ms`; undefined when it is not one or exceeds ten years.
 */
export function durationMs(text: string): number | undefined {
  if (!/^([0-9]+(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, digits = '', unit = ''] of text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)) {
    total += Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  }
  return total <= MAX_DURATION_MS ? total : undefined;
}
