import { describe, expect, test } from '@jest/globals';
import { BURST_MS, IN_A_BURST, STANDING, WaitingLimit } from './waiting-limit.js';

const CONNECTIONS = 4;
const burst = IN_A_BURST * CONNECTIONS;
const standing = STANDING * CONNECTIONS;

/** What is asked of one limit, in order: who waits, when, and whether the next one is refused. */
const CASES: [why: string, asked: [waiting: number, at: number, refused: boolean][]][] = [
  ['nobody waits', [[0, 1_000, false]]],
  [
    'a burst may fill the long queue',
    [
      [0, 1_000, false],
      [burst - 1, 1_000, false],
      [burst, 1_001, true],
    ],
  ],
  [
    'a queue that stands is short',
    [
      [0, 1_000, false],
      [burst - 1, 1_000 + BURST_MS - 1, false],
      [standing, 1_000 + BURST_MS, true],
      [standing - 1, 1_000 + BURST_MS + 1, false],
    ],
  ],
  [
    'one that was empty in between is a burst again',
    [
      [0, 1_000, false],
      [standing, 1_400, false],
      [standing, 1_600, true],
      [0, 1_700, false],
      [burst - 1, 1_701, false],
    ],
  ],
  [
    'nobody knows how long one has stood when nobody asked',
    [
      [0, 1_000, false],
      [burst - 1, 9_000, false],
      [burst - 1, 9_400, false],
      [standing, 9_600, true],
    ],
  ],
  ['the first one who asks meets a burst', [[burst - 1, 0, false]]],
];

describe('how many may wait', () => {
  test.each(CASES)('%s', (_why, asked) => {
    const limit = new WaitingLimit(CONNECTIONS);
    expect(asked.map(([waiting, at]) => limit.reached(waiting, at))).toEqual(asked.map(([, , refused]) => refused));
  });
});
