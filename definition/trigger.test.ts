import { expect, test } from '@jest/globals';
import type { Trigger } from './definition-types.js';
import type { FinalTaskState, SkipReason } from './trigger.js';
import { decideTrigger } from './trigger.js';

test.each<{ reason: string; trigger: Trigger; upstream: FinalTaskState[]; skipped: SkipReason | null }>([
  { reason: 'nothing to wait for', trigger: 'all-succeeded', upstream: [], skipped: null },
  { reason: 'all completed', trigger: 'all-succeeded', upstream: ['COMPLETED', 'COMPLETED'], skipped: null },
  {
    reason: 'one was skipped',
    trigger: 'all-succeeded',
    upstream: ['COMPLETED', 'SKIPPED'],
    skipped: 'upstream-skipped',
  },
  { reason: 'one failed', trigger: 'all-succeeded', upstream: ['COMPLETED', 'FAILED'], skipped: 'upstream-failed' },
  {
    reason: 'a failure weighs more than a skip',
    trigger: 'all-succeeded',
    upstream: ['SKIPPED', 'FAILED'],
    skipped: 'upstream-failed',
  },
  {
    reason: 'cancelled counts as failed',
    trigger: 'all-succeeded',
    upstream: ['CANCELLED'],
    skipped: 'upstream-failed',
  },
  { reason: 'whatever happened', trigger: 'all-done', upstream: ['FAILED', 'SKIPPED', 'CANCELLED'], skipped: null },
  {
    reason: 'one of them is enough',
    trigger: 'any-succeeded',
    upstream: ['FAILED', 'COMPLETED', 'SKIPPED'],
    skipped: null,
  },
  {
    reason: 'none succeeded, one failed',
    trigger: 'any-succeeded',
    upstream: ['FAILED', 'SKIPPED'],
    skipped: 'upstream-failed',
  },
  {
    reason: 'none succeeded, none failed',
    trigger: 'any-succeeded',
    upstream: ['SKIPPED'],
    skipped: 'upstream-skipped',
  },
  { reason: 'one failed', trigger: 'any-failed', upstream: ['COMPLETED', 'FAILED'], skipped: null },
  { reason: 'one was cancelled', trigger: 'any-failed', upstream: ['CANCELLED', 'COMPLETED'], skipped: null },
  { reason: 'nobody failed', trigger: 'any-failed', upstream: ['COMPLETED', 'SKIPPED'], skipped: 'no-upstream-failed' },
])('$trigger after $upstream: $reason', ({ trigger, upstream, skipped }) => {
  expect(decideTrigger(trigger, upstream)).toEqual(skipped === null ? { run: true } : { run: false, reason: skipped });
});
