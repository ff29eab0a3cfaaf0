import type { Position } from './cursor.js';

/**
 * The rows of a page of which a statement `found` one more where there are more, and where the next one starts; absent = there is
 * none. `examinedTo` is where a search stopped that found no more, if that was not the end.
 */
export function endPage<Row>(
  found: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Position,
  examinedTo?: Position | null,
): { rows: Row[]; next?: Position } {
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length > limit && last !== undefined) return { rows, next: positionOf(last) };
  return examinedTo ? { rows, next: examinedTo } : { rows };
}
