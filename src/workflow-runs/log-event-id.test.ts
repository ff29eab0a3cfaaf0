import { describe, expect, test } from '@jest/globals';
import { readLogEventId, toLogEventId } from './log-event-id.js';

describe('the id of a message of a followed log', () => {
  test.each([
    { reason: 'goes on in its attempt', place: { attempt: 1, cursor: '5000' } },
    { reason: 'ends its attempt', place: { attempt: 2, cursor: undefined } },
    { reason: 'ends a task that never began', place: { attempt: 0, cursor: undefined } },
    { reason: 'holds a cursor that looks like an id', place: { attempt: 1, cursor: '2:1/end' } },
    { reason: 'holds a cursor that looks like an end', place: { attempt: 1, cursor: 'end' } },
    {
      reason: 'holds the longest cursor of the highest attempt',
      place: { attempt: 2 ** 31 - 1, cursor: '~'.repeat(500) },
    },
  ])('$reason', ({ place }) => {
    expect(readLogEventId(toLogEventId(place))).toEqual(place);
  });

  test.each([
    { reason: 'empty', id: '' },
    { reason: 'a cursor alone', id: '5000' },
    { reason: 'without a cursor', id: '1:' },
    { reason: 'of no attempt', id: '0:5000' },
    { reason: 'of an attempt that is no number', id: 'one:5000' },
    { reason: 'written in another way', id: '01:5000' },
    { reason: 'another end', id: '1/ends' },
    { reason: 'two ids', id: '1:4, 1:8' },
    { reason: 'longer than cursors are', id: `1:${'1'.repeat(501)}` },
  ])('is none when it is $reason', ({ id }) => {
    expect(readLogEventId(id)).toBeUndefined();
  });
});
