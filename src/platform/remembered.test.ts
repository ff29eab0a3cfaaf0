import { expect, test } from '@jest/globals';
import { Remembered } from './remembered.js';

test('holds as many values as it may, and then begins anew', () => {
  const numbers = new Remembered<number>(2);
  expect(numbers.keep('a', 1)).toBe(1);
  numbers.keep('b', 2);
  expect([numbers.get('a'), numbers.get('b')]).toEqual([1, 2]);
  numbers.keep('c', 3);
  expect([numbers.get('a'), numbers.get('b'), numbers.get('c')]).toEqual([undefined, undefined, 3]);
});

test('does not hold what takes too much room', () => {
  const numbers = new Remembered<number>(2);
  const long = 'x'.repeat(1_001);
  expect(numbers.keep(long, 1)).toBe(1);
  expect(numbers.get(long)).toBeUndefined();
});
