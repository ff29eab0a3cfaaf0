import { describe, expect, test } from '@jest/globals';
import type { TaskRun, WorkflowRun } from './api-types.js';
import { changeLine, runChanges } from './run-changes.js';

const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
const NOW = new Date(at(59));

function run(state: string, taskRuns: TaskRun[], more: Partial<WorkflowRun> = {}): WorkflowRun {
  return {
    id: 12,
    workflow: { id: 1, title: 'etl', version: 3 },
    workflow_engine: 'local',
    state,
    labels: [],
    parameters: {},
    origin: 'api',
    generation: 1,
    allowed_actions: [],
    created_at: at(0),
    updated_at: at(1),
    stale: false,
    task_runs: taskRuns,
    ...more,
  };
}

function task(title: string, state: string, more: Partial<TaskRun> = {}): TaskRun {
  return { id: 1, task_id: 1, task_title: title, workflow_run_id: 12, state, attempt: 1, ...more };
}

const failedOnce = { attempt: 1, state: 'FAILED', started_at: at(2), finished_at: at(3), exit_code: 75 };

describe('a line for each change', () => {
  test.each<{ reason: string; before: WorkflowRun | undefined; now: WorkflowRun; lines: string[] }>([
    {
      reason: 'the first look tells where things stand, but not what only waits',
      before: undefined,
      now: run('RUNNING', [task('b', 'PENDING'), task('a', 'RUNNING', { started_at: at(2) })]),
      lines: ['00:00:01 run 12 RUNNING', '00:00:02 task a RUNNING'],
    },
    {
      reason: 'what has no time of its own yet is told with the present one',
      before: run('RUNNING', []),
      now: run('RUNNING', [task('a', 'SCHEDULED')]),
      lines: ['00:00:59 task a SCHEDULED'],
    },
    {
      reason: 'nothing new, nothing said',
      before: run('RUNNING', [task('a', 'RUNNING', { started_at: at(2) })]),
      now: run('RUNNING', [task('a', 'RUNNING', { started_at: at(2) })], { updated_at: at(5) }),
      lines: [],
    },
    {
      reason: 'an end says how long it took, and the run ends after its tasks',
      before: run('RUNNING', [task('a', 'RUNNING', { started_at: at(2) })]),
      now: run('COMPLETED', [task('a', 'COMPLETED', { started_at: at(2), finished_at: at(4) })], {
        started_at: at(1),
        finished_at: at(5),
      }),
      lines: ['00:00:04 task a COMPLETED in 2.0s', '00:00:05 run 12 COMPLETED in 4.0s'],
    },
    {
      reason: 'an attempt that failed between two looks is told once',
      before: run('RUNNING', [task('a', 'RUNNING', { started_at: at(2) })]),
      now: run('RUNNING', [task('a', 'RUNNING', { attempt: 2, started_at: at(4), attempts: [failedOnce] })]),
      lines: ['00:00:03 task a FAILED in 1.0s: exit code 75', '00:00:04 task a attempt 2 RUNNING'],
    },
    {
      reason: 'and not again',
      before: run('RUNNING', [task('a', 'RUNNING', { attempt: 2, started_at: at(4), attempts: [failedOnce] })]),
      now: run('RUNNING', [
        task('a', 'COMPLETED', { attempt: 2, started_at: at(4), finished_at: at(6), attempts: [failedOnce] }),
      ]),
      lines: ['00:00:06 task a attempt 2 COMPLETED in 2.0s'],
    },
    {
      reason: 'an attempt whose failure was seen as it happened is not told twice',
      before: run('RUNNING', [task('a', 'FAILED', { started_at: at(2), finished_at: at(3) })]),
      now: run('RUNNING', [task('a', 'RUNNING', { attempt: 2, started_at: at(4), attempts: [failedOnce] })]),
      lines: ['00:00:04 task a attempt 2 RUNNING'],
    },
    {
      reason: 'a failure is told as soon as it is known, also while the retry is waited for',
      before: run('RUNNING', [task('a', 'RUNNING', { started_at: at(2) })]),
      now: run('RUNNING', [task('a', 'RETRYING', { started_at: at(2), attempts: [failedOnce] })]),
      lines: ['00:00:03 task a FAILED in 1.0s: exit code 75', '00:00:03 task a RETRYING'],
    },
    {
      reason: 'items have their index, and messages stay on their line',
      before: run('RUNNING', []),
      now: run('RUNNING', [
        task('a', 'FAILED', {
          map_index: 3,
          started_at: at(2),
          finished_at: at(3),
          failure: { class: 'user', code: 'x', message: 'two\nlines' },
        }),
      ]),
      lines: ['00:00:03 task a[3] FAILED in 1.0s: two␊lines'],
    },
    {
      reason: 'a retry of the run is a change though the state word may be the same',
      before: run('PENDING', []),
      now: run('PENDING', [], { generation: 2, state_reason: 'draining' }),
      lines: ['00:00:01 run 12 PENDING: draining'],
    },
  ])('$reason', ({ before, now, lines }) => {
    expect(runChanges(before, now).map((change) => changeLine(change, NOW))).toEqual(lines);
  });
});
