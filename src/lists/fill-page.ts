import type { Position } from './cursor.js';

/** Bytes of the texts of a page at most, unless one entry alone has more. */
export const PAGE_LIMIT_BYTES = 8 * 1024 * 1024;

/** What one statement is to read. */
export interface PartRequest {
  position?: Position | undefined;
  limit: number;
  skip: number;
}

export interface Part<Row> {
  rows: Row[];
  bytes: number;
  /** Where the next part starts; absent = there is none. */
  next?: Position | undefined;
}

export interface FilledPage<Row> {
  rows: Row[];
  next?: Position | undefined;
  /** The search for entries stopped before there were enough of them: what was skipped may not be all that was to be. */
  unread: boolean;
}

/** Entries of one statement: it reads them all before any can be found too large. */
const AT_ONCE = 100;

/** What an entry may have so that a part of so many, and of the one that tells whether there are more, stays below the limit. */
export function shareOfPage(limit: number): number {
  return limit === 1 ? Number.MAX_SAFE_INTEGER : Math.floor(PAGE_LIMIT_BYTES / (limit + 1));
}

/**
 * A page from parts, until it has its entries or its bytes: then it is short and has a next one. `read` answers undefined when
 * an entry of the part is above `shareOfPage` of its limit; then it is asked for fewer.
 */
export async function fillPage<Row>(
  page: PartRequest,
  read: (part: PartRequest) => Promise<Part<Row> | undefined>,
): Promise<FilledPage<Row>> {
  const rows: Row[] = [];
  let { position, skip } = page;
  let atOnce = AT_ONCE;
  for (let bytes = 0; ;) {
    const limit = Math.min(page.limit - rows.length, atOnce);
    const part = await read({ position, limit, skip });
    if (part === undefined) {
      if (limit === 1) throw new Error('an entry by itself is never too large');
      atOnce = Math.ceil(limit / 4);
      continue;
    }
    bytes += part.bytes;
    if (rows.length > 0 && bytes > PAGE_LIMIT_BYTES) return { rows, next: position, unread: false };
    rows.push(...part.rows);
    ({ next: position } = part);
    skip = 0;
    const short = part.rows.length < limit;
    // With more than half of its bytes, another part would mostly be read in vain.
    const full = rows.length >= page.limit || bytes > PAGE_LIMIT_BYTES / 2;
    if (position === undefined || short || full) {
      // A part before it was full, and so had found all that was to be skipped.
      return { rows, next: position, unread: short && position !== undefined && rows.length < limit };
    }
  }
}
