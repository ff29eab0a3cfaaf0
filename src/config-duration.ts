/** Durations as the configuration writes them. */
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `1s`, `5m`, `1h`, `7d` in milliseconds; a bare number only for 0. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  if (!match) return undefined;
  const value = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  return Number.isInteger(value) ? value : undefined;
}

/** The shortest such text for a number of milliseconds. */
export function formatDuration(ms: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((candidate) => ms > 0 && ms % UNITS[candidate] === 0);
  return unit ? `${ms / UNITS[unit]}${unit}` : `${ms}ms`;
}
