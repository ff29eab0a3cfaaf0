import type { Json } from '../../definition/definition-types.js';

/** A list as JSON text, from entries that are JSON text already. `more` are members beside them. */
export function listBody(
  items: readonly string[],
  about: { nextCursor?: string; estimatedCount?: number; more?: Readonly<Record<string, Json>> } = {},
): string {
  const members = Object.entries({
    next_cursor: about.nextCursor,
    estimated_count: about.estimatedCount,
    ...about.more,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`,${JSON.stringify(name)}:${JSON.stringify(value)}`]));
  return `{"items":[${items.join(',')}]${members.join('')}}`;
}
