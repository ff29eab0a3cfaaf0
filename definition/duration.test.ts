import { expect, test } from '@jest/globals';
import { durationMs } from './duration.js';

test.each([
  { text: '90s', ms: 90_000 },
  { text: '250ms', ms: 250 },
  { text: '1h30m', ms: 5_400_000 },
  { text: '1d', ms: 86_400_000 },
  { text: '5m10ms', ms: 300_010 },
  { text: '0s', ms: 0 },
  { text: '3650d', ms: 3650 * 86_400_000 },
  { text: '3651d', ms: undefined },
  { text: `${'9'.repeat(400)}d`, ms: undefined },
  { text: '', ms: undefined },
  { text: '5', ms: undefined },
  { text: '1.5h', ms: undefined },
  { text: '-1s', ms: undefined },
  { text: '5 m', ms: undefined },
  { text: '5m\n', ms: undefined },
])('$text is $ms ms', ({ text, ms }) => {
  expect(durationMs(text)).toBe(ms);
});
