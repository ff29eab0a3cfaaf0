import { expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { integerBeyond64Bits } from './integer-limits.js';

const rows: [reason: string, value: Json, pointer: string | undefined][] = [
  ['a number above 64 bits', { n: 1e21 }, '/n'],
  ['a number below 64 bits', { n: -1e19 }, '/n'],
  ['deep inside', { a: [0, { 'b/c': 1e300 }] }, '/a/1/b~1c'],
  ['the largest that fits', { n: 18446744073709549568 }, undefined],
  ['the smallest that fits', { n: -9223372036854775808 }, undefined],
  ['a fraction, however small', { n: 1e-300 }, undefined],
  ['a text that looks like one', { n: '1e300' }, undefined],
  ['nothing', null, undefined],
];
test.each(rows)('%s', (_reason, value, pointer) => {
  expect(integerBeyond64Bits(value)).toBe(pointer);
});
