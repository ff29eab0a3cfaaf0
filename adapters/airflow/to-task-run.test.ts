import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { TASK_WORDS, hasEarlierTries, isLive, readTaskInstance, toTaskRun } from './to-task-run.js';

const BEGAN = '2026-01-01T10:00:00.5Z';
const ENDED = '2026-01-01T10:01:00.5Z';
const STOPPED = new Date('2026-01-01T10:01:00Z');

function anInstance(changes: Record<string, Json> = {}): ReturnType<typeof readTaskInstance> {
  return readTaskInstance({
    task_id: 'load',
    map_index: -1,
    state: 'success',
    try_number: 1,
    start_date: BEGAN,
    end_date: ENDED,
    note: null,
    ...changes,
  });
}

const stateOf = (changes: Record<string, Json>, stoppedAt?: Date): string =>
  toTaskRun(anInstance(changes), { stoppedAt }, undefined, 'url').state;

test('every word of Airflow 2 and 3 has its state', () => {
  const seen = Object.fromEntries(Object.keys(TASK_WORDS).map((state) => [state, stateOf({ state })]));
  expect(seen).toEqual({
    none: 'PENDING',
    scheduled: 'SCHEDULED',
    queued: 'SCHEDULED',
    running: 'RUNNING',
    restarting: 'RETRYING',
    up_for_retry: 'RETRYING',
    up_for_reschedule: 'RUNNING',
    sensing: 'RUNNING',
    deferred: 'RUNNING',
    awaiting_input: 'RUNNING',
    success: 'COMPLETED',
    failed: 'FAILED',
    shutdown: 'FAILED',
    upstream_failed: 'SKIPPED',
    skipped: 'SKIPPED',
    removed: 'SKIPPED',
  });
});

describe('the state of a task', () => {
  const rows: [reason: string, changes: Record<string, Json>, stoppedAt: Date | undefined, state: string][] = [
    [
      'no word: it waits for others',
      { state: null, start_date: null, end_date: null, try_number: 0 },
      undefined,
      'PENDING',
    ],
    ['a word we do not know is no end: it has begun', { state: 'brand_new', end_date: null }, undefined, 'RUNNING'],
    ['a word we do not know, before a beginning', { state: 'brand_new', start_date: null }, undefined, 'PENDING'],
    ['names of every object are no words', { state: 'constructor' }, undefined, 'RUNNING'],
    ['ended by the stop of its run', { state: 'failed' }, STOPPED, 'CANCELLED'],
    ['kept from beginning by the stop of its run', { state: 'skipped', try_number: 0 }, STOPPED, 'CANCELLED'],
    ['had failed before its run was stopped', { state: 'failed', end_date: '2026-01-01T10:00:59Z' }, STOPPED, 'FAILED'],
    ['ended well, whatever was stopped', { state: 'success' }, STOPPED, 'COMPLETED'],
    ['stopped alone', { state: 'failed', note: 'mine [signalbox stopped try 1]' }, undefined, 'CANCELLED'],
    [
      'failed in a later try than was stopped',
      { state: 'failed', try_number: 2, note: '[signalbox stopped try 1]' },
      undefined,
      'FAILED',
    ],
  ];
  test.each(rows)('%s', (_reason, changes, stoppedAt, state) => {
    expect(stateOf(changes, stoppedAt)).toBe(state);
  });
});

describe('attempts', () => {
  const failedTry = anInstance({
    state: 'failed',
    start_date: '2026-01-01T09:00:00Z',
    end_date: '2026-01-01T09:01:00Z',
  });

  test("a second try stands behind the first, and its times are the task run's", () => {
    const second = anInstance({ try_number: 2 });
    const run = toTaskRun(second, { stoppedAt: undefined }, [failedTry, second], 'url');
    expect(run.attempts?.map(({ attempt, state }) => [attempt, state])).toEqual([
      [1, 'FAILED'],
      [2, 'COMPLETED'],
    ]);
    expect([run.attempt, run.startedAt]).toEqual([2, new Date(BEGAN)]);
  });

  test('a scheduled second try does not bear the times of the first, which Airflow still shows', () => {
    const scheduled = anInstance({ state: 'scheduled', try_number: 2 });
    const run = toTaskRun(scheduled, { stoppedAt: undefined }, [failedTry, scheduled], 'url');
    expect(run).toMatchObject({ state: 'SCHEDULED', attempt: 2 });
    expect(run).not.toHaveProperty('startedAt');
    expect(run.attempts?.[1]).toEqual({ attempt: 2, state: 'SCHEDULED' });
  });

  test('a cleared instance keeps what its last try was', () => {
    const cleared = anInstance({ state: null });
    expect(hasEarlierTries(cleared)).toBe(true);
    const run = toTaskRun(cleared, { stoppedAt: undefined }, [failedTry], 'url');
    expect(run).toMatchObject({ state: 'PENDING', attempt: 1, attempts: [{ attempt: 1, state: 'FAILED' }] });
  });

  test('while it waits to be retried the try it shows has failed', () => {
    const waiting = anInstance({ state: 'up_for_retry' });
    const run = toTaskRun(waiting, { stoppedAt: undefined }, undefined, 'url');
    expect(run).toMatchObject({ state: 'RETRYING', attempts: [{ attempt: 1, state: 'FAILED' }] });
  });

  test('tries that were not read are not told in part', () => {
    const run = toTaskRun(anInstance({ try_number: 3 }), { stoppedAt: undefined }, undefined, 'url');
    expect(run.attempt).toBe(3);
    expect(run).not.toHaveProperty('attempts');
  });

  test('a task that never ran has none, and keeps the reason', () => {
    const never = anInstance({ state: 'upstream_failed', try_number: 0 });
    const run = toTaskRun(never, { stoppedAt: undefined }, undefined, 'url');
    expect(run).toMatchObject({ state: 'SKIPPED', stateReason: 'upstream-failed', attempt: 0, attempts: [] });
  });
});

test('what occupies a worker is alive, what waits for its time or its turn is not', () => {
  const live = Object.keys(TASK_WORDS).filter((state) => isLive(anInstance({ state })));
  expect(live.sort()).toEqual(['deferred', 'queued', 'restarting', 'running', 'sensing']);
});

test.each([
  ['no name', { task_id: null }],
  ['no index', { map_index: null }],
  ['a try that is no number', { try_number: 'one' }],
  ['a time that is none', { start_date: 'yesterday' }],
])('an instance with %s cannot be read', (_reason, changes) => {
  expect(() => anInstance(changes)).toThrow(expect.objectContaining({ code: 'unknown' }));
});
