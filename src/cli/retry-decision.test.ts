import { describe, expect, test } from '@jest/globals';
import { decideRetry, readRetryAfter, type Trouble } from './retry-decision.js';

const answer = (status: number, code?: string, retryAfterMs?: number): Trouble => ({
  kind: 'answer',
  status,
  code,
  retryAfterMs,
});
const dropped: Trouble = { kind: 'connection', lasting: false };
const refused: Trouble = { kind: 'connection', lasting: true };
const first = { attempt: 1, elapsedMs: 0, patienceMs: 30_000 };

describe('sending a request again', () => {
  test.each([
    { reason: 'a dropped connection is tried again soon', trouble: dropped, budget: first, delay: 200 },
    {
      reason: 'later attempts wait longer',
      trouble: dropped,
      budget: { ...first, attempt: 4, elapsedMs: 2_000 },
      delay: 1_600,
    },
    {
      reason: 'the wait has a bound',
      trouble: dropped,
      budget: { ...first, attempt: 20, elapsedMs: 2_000 },
      delay: 5_000,
    },
    {
      reason: 'patience ends',
      trouble: dropped,
      budget: { ...first, attempt: 8, elapsedMs: 29_000 },
      delay: undefined,
    },
    {
      reason: 'a refused connection is reported soon',
      trouble: refused,
      budget: { ...first, attempt: 4, elapsedMs: 1_450 },
      delay: undefined,
    },
    { reason: 'but not at once: it may be restarting', trouble: refused, budget: first, delay: 200 },
    {
      reason: 'Retry-After is honoured',
      trouble: answer(429, 'too-many-requests', 3_000),
      budget: first,
      delay: 3_000,
    },
    { reason: 'zero means at once', trouble: answer(503, undefined, 0), budget: first, delay: 0 },
    {
      reason: 'a Retry-After beyond our patience is not waited for',
      trouble: answer(503, 'database-unavailable', 60_000),
      budget: first,
      delay: undefined,
    },
    {
      reason: 'a key in progress will be free soon',
      trouble: answer(409, 'idempotency-in-progress', 1_000),
      budget: first,
      delay: 1_000,
    },
    {
      reason: 'any other conflict is an answer',
      trouble: answer(409, 'lifecycle-conflict'),
      budget: first,
      delay: undefined,
    },
    { reason: 'a wrong value stays wrong', trouble: answer(422), budget: first, delay: undefined },
    { reason: 'a defect is not a pause', trouble: answer(500), budget: first, delay: undefined },
  ])('$reason', ({ trouble, budget, delay }) => {
    expect(decideRetry(trouble, budget)).toBe(delay);
  });
});

test.each([
  { reason: 'absent', header: null, ms: undefined },
  { reason: 'seconds', header: '2', ms: 2_000 },
  { reason: 'a date', header: 'Thu, 01 Jan 2026 00:00:05 GMT', ms: 5_000 },
  { reason: 'a date that is past', header: 'Wed, 31 Dec 2025 00:00:00 GMT', ms: 0 },
  { reason: 'nonsense', header: 'soon', ms: undefined },
])('Retry-After: $reason', ({ header, ms }) => {
  expect(readRetryAfter(header, new Date('2026-01-01T00:00:00Z'))).toBe(ms);
});
