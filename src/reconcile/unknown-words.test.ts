import { expect, test } from '@jest/globals';
import { unknownWordLabel } from './unknown-words.js';

test('a long word is cut', () => {
  expect(unknownWordLabel('x'.repeat(10_000))).toBe('x'.repeat(64));
});

test('an engine that invents words without end is counted under a hundred of them and one for the rest', () => {
  const labels = Array.from({ length: 1_000 }, (_, i) => unknownWordLabel(`word-${i}`));
  expect(new Set(labels).size).toBe(100);
  expect([unknownWordLabel('word-0'), unknownWordLabel('word-999')]).toEqual(['word-0', 'other']);
});
