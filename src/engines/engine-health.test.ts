import { describe, expect, test } from '@jest/globals';
import { vanishedTogether, type MemorySigns } from './engine-health.js';

const ROWS: (Omit<MemorySigns, 'otherEpoch'> & { reason: string; together: boolean })[] = [
  { reason: 'nothing is gone', absent: 0, othersSeen: true, together: false },
  { reason: 'an idle engine', absent: 0, othersSeen: false, together: false },
  { reason: 'somebody removed one', absent: 1, othersSeen: true, together: false },
  { reason: 'the only one was removed', absent: 1, othersSeen: false, together: false },
  { reason: 'a few were removed by hand', absent: 4, othersSeen: true, together: false },
  { reason: 'a backup came back without the newest', absent: 5, othersSeen: true, together: true },
  { reason: 'nothing that was given is left', absent: 2, othersSeen: false, together: true },
];

describe('vanishedTogether', () => {
  test.each(ROWS)('$reason: $together', ({ together, absent, othersSeen }) => {
    expect(vanishedTogether({ otherEpoch: false, absent, othersSeen })).toBe(together);
  });
});
