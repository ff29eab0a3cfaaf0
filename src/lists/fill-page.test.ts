import { describe, expect, test } from '@jest/globals';
import { fillPage, PAGE_LIMIT_BYTES, shareOfPage, type Part, type PartRequest } from './fill-page.js';

const MIB = 1024 * 1024;

/** Entries 1, 2, 3... of these bytes, read as a statement would. */
function entriesOf(bytes: number[], asked: number[]) {
  return ({ position = [0], limit, skip }: PartRequest): Promise<Part<number> | undefined> => {
    asked.push(limit);
    const from = Number(position[0]) + skip;
    const read = bytes.slice(from, from + limit + 1);
    if (read.some((size) => size > shareOfPage(limit))) return Promise.resolve(undefined);
    const rows = read.slice(0, limit).map((_, index) => from + index + 1);
    const more = read.length > limit ? { next: [from + limit] } : {};
    return Promise.resolve({ rows, bytes: read.reduce((sum, size) => sum + size, 0), ...more });
  };
}

const many = (count: number, bytes: number): number[] => Array.from({ length: count }, () => bytes);

describe('a page', () => {
  test.each([
    { reason: 'small entries fill it', bytes: many(60, 1000), limit: 50, pages: [50, 10], asked: [50, 50] },
    { reason: 'many of them in parts', bytes: many(250, 1000), limit: 250, pages: [250], asked: [100, 100, 50] },
    { reason: 'none at all', bytes: [], limit: 10, pages: [0], asked: [10] },
    { reason: 'large ones end it', bytes: many(9, MIB), limit: 9, pages: [6, 3], asked: [9, 3, 3, 9, 3] },
    { reason: 'one above the limit is alone', bytes: [1, 9 * MIB, 1], limit: 3, pages: [1, 1, 1] },
  ])('has its share: $reason', async ({ bytes, limit, pages, asked }) => {
    const limits: number[] = [];
    const lengths: number[] = [];
    const seen: number[] = [];
    for (let position: PartRequest['position'] = [0]; position !== undefined;) {
      const page: Awaited<ReturnType<typeof fillPage<number>>> = await fillPage(
        { position, limit, skip: 0 },
        entriesOf(bytes, limits),
      );
      const size = page.rows.reduce((sum, row) => sum + (bytes[row - 1] ?? 0), 0);
      if (page.rows.length > 1) expect(size).toBeLessThanOrEqual(PAGE_LIMIT_BYTES);
      lengths.push(page.rows.length);
      seen.push(...page.rows);
      position = page.next;
    }
    expect(lengths).toEqual(pages);
    expect(seen).toEqual(bytes.map((_, index) => index + 1));
    if (asked) expect(limits).toEqual(asked);
  });

  test('skips once', async () => {
    const { rows } = await fillPage({ limit: 150, skip: 7 }, entriesOf(many(200, 1), []));
    expect(rows).toEqual(many(150, 0).map((_, index) => index + 8));
  });

  test('whose search stopped early says so, unless what was to be skipped was found before', async () => {
    const stopping = (full: number) => {
      let parts = 0;
      return ({ limit }: PartRequest) => {
        const rows = parts++ < full ? many(limit, 1) : [1];
        return Promise.resolve({ rows, bytes: 1, next: [parts] });
      };
    };
    expect(await fillPage({ limit: 150, skip: 7 }, stopping(0))).toMatchObject({ next: [1], unread: true });
    expect(await fillPage({ limit: 150, skip: 7 }, stopping(1))).toMatchObject({ next: [2], unread: false });
  });
});
