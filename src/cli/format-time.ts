/** A duration for people: `0.4s`, `12.3s`, `4m07s`, `2h05m`, `3d04h`. */
export function formatDuration(ms: number): string {
  const positive = Math.max(0, ms);
  if (positive < 59_950) return `${(positive / 1000).toFixed(1)}s`;
  const seconds = Math.round(positive / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  return `${Math.floor(minutes / 1440)}d${two(Math.floor(minutes / 60) % 24)}h`;
}

/** From start to end, or to `now` while there is no end; empty before the start. Times are RFC 3339. */
export function formatSpan(startedAt: string | undefined, finishedAt: string | undefined, now: Date): string {
  if (!startedAt) return '';
  const end = finishedAt ? Date.parse(finishedAt) : now.getTime();
  return formatDuration(end - Date.parse(startedAt));
}

/** `2026-01-31 12:00:00Z`: the server's clock, never this machine's zone. */
export function formatTime(time: string | undefined): string {
  if (!time) return '';
  return time.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2Z');
}
