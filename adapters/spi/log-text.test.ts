import { expect, test } from '@jest/globals';
import { LogText } from './log-text.js';

async function read(text: LogText): Promise<{ whole: string; pieces: number }> {
  const pieces: Uint8Array[] = [];
  for await (const piece of text.chunks()) pieces.push(piece);
  return { whole: Buffer.concat(pieces).toString('utf8'), pieces: pieces.length };
}

test('what was added comes out, in order and in pieces', async () => {
  const parts = Array.from({ length: 40 }, (_, index) => `${index} ${'ü💥'.repeat(1_500)}\n`);
  const text = new LogText(1_000_000);
  expect(parts.map((part) => text.add(part))).toEqual(parts.map(() => true));
  const { whole, pieces } = await read(text);
  expect(whole).toBe(parts.join(''));
  expect(pieces).toBeGreaterThan(1);
});

test.each([
  { reason: 'bytes count, not characters', parts: ['ü', 'ü', 'a'], limit: 3, taken: [true, false, true], whole: 'üa' },
  { reason: 'full to the last byte', parts: ['ab', 'c', 'd'], limit: 3, taken: [true, true, false], whole: 'abc' },
  { reason: 'nothing needs no room', parts: ['abc', ''], limit: 3, taken: [true, true], whole: 'abc' },
  { reason: 'nothing at all', parts: [''], limit: 3, taken: [true], whole: '' },
])('what has no room is not taken: $reason', async ({ parts, limit, taken, whole }) => {
  const text = new LogText(limit);
  expect(parts.map((part) => text.add(part))).toEqual(taken);
  expect((await read(text)).whole).toBe(whole);
});
