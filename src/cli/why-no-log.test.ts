import { describe, expect, test } from '@jest/globals';
import type { TaskRun } from './api-types.js';
import { whyNoLog } from './why-no-log.js';

function taskRun(state: string, more: Partial<TaskRun> = {}): TaskRun {
  return { id: 1, task_id: 1, task_title: 'load', workflow_run_id: 5, state, attempt: 0, ...more };
}

describe('why there is no log to show', () => {
  test.each([
    {
      reason: 'a task that was skipped never begins',
      of: [taskRun('SKIPPED', { state_reason: 'upstream-failed' })],
      ended: true,
      says: 'load was skipped (upstream-failed): it has no log.',
    },
    {
      reason: 'not even while others still run, nor do its items',
      of: [taskRun('SKIPPED', { map_index: 0 }), taskRun('SKIPPED', { map_index: 1 })],
      ended: false,
      says: 'load was skipped: it has no log.',
    },
    {
      reason: 'a cancel came first',
      of: [taskRun('CANCELLED', { state_reason: 'run-cancelled' })],
      ended: true,
      says: 'load was cancelled before it began (run-cancelled): it has no log.',
    },
    {
      reason: 'what fails before its first attempt says why',
      of: [taskRun('FAILED', { failure: { class: 'user', code: 'when-failed', message: 'No such key: x' } })],
      ended: true,
      says: 'load failed before it began (No such key: x): it has no log.',
    },
    {
      reason: 'a foreach over an empty list is complete at once',
      of: [taskRun('COMPLETED')],
      ended: false,
      says: 'load completed without an attempt: it has no log.',
    },
    { reason: 'its turn is still to come', of: [taskRun('PENDING')], ended: false, says: 'load has not begun yet.' },
    { reason: 'the engine has not told of it', of: [], ended: false, says: 'load has not begun yet.' },
    { reason: 'its turn never came', of: [taskRun('PENDING')], ended: true, says: 'load did not begin.' },
  ])('$reason', ({ of, ended, says }) => expect(whyNoLog(of, { task: 'load', ended })).toBe(says));

  test.each([
    { reason: 'a run that has ended begins no task any more', ended: true, says: 'No task has begun.' },
    { reason: 'an active one may', ended: false, says: 'No task has begun yet.' },
  ])('of no task in particular: $reason', ({ ended, says }) =>
    expect(whyNoLog([taskRun('SKIPPED')], { task: undefined, ended })).toBe(says),
  );
});
