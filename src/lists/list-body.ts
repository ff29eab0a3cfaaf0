/** A list as JSON text, from entries that are JSON text already. */
export function listBody(
  items: readonly string[],
  more: { nextCursor?: string; estimatedCount?: number } = {},
): string {
  const cursor = more.nextCursor === undefined ? '' : `,"next_cursor":${JSON.stringify(more.nextCursor)}`;
  const count = more.estimatedCount === undefined ? '' : `,"estimated_count":${more.estimatedCount}`;
  return `{"items":[${items.join(',')}]${cursor}${count}}`;
}
