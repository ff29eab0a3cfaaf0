import { expect, test } from '@jest/globals';
import { isTimestamp } from './query-values.js';

test.each([
  { text: '2026-01-31T12:00:00Z', taken: true, reason: 'UTC' },
  { text: '2026-01-31T12:00:00.123456+02:00', taken: true, reason: 'an offset and a fraction' },
  { text: '2028-02-29T00:00:00Z', taken: true, reason: 'a leap day' },
  { text: '2026-02-29T00:00:00Z', taken: false, reason: 'no leap day' },
  { text: '2026-04-31T00:00:00Z', taken: false, reason: 'no such day' },
  { text: '2026-13-01T00:00:00Z', taken: false, reason: 'no such month' },
  { text: '2026-01-01T25:00:00Z', taken: false, reason: 'no such hour' },
  { text: '0000-01-01T00:00:00Z', taken: false, reason: 'PostgreSQL has no year 0' },
  { text: '2026-01-01T00:00:00+23:00', taken: false, reason: 'nowhere on earth' },
  { text: '2026-01-01', taken: false, reason: 'a day is no moment' },
  { text: 'infinity', taken: false, reason: 'a word of PostgreSQL' },
  { text: '2026-01-01T00:00:00 02:00', taken: false, reason: 'a plus that was not encoded' },
])('$text is a time: $taken, $reason', ({ text, taken }) => {
  expect(isTimestamp(text)).toBe(taken);
});
