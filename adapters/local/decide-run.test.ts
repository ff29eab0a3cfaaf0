import { describe, expect, test } from '@jest/globals';
import type { AttemptEvent } from './decide-run.js';
import { decideRun } from './decide-run.js';
import {
  AFTER_A,
  completed,
  DIAMOND,
  EACH,
  ended,
  exit,
  failed,
  live,
  name,
  NOW,
  row,
  run,
  seconds,
  word,
} from './local-run.test-support.js';
import type { LocalRun, LocalTaskRun } from './run-model.js';

interface Row {
  reason: string;
  run: LocalRun;
  events?: AttemptEvent[];
  slots?: number;
  now?: Date;
  /** Task or `task.item` to `STATE` or `STATE reason`, the changed ones only. */
  changed: Record<string, string>;
  starts?: string[];
  stops?: string[];
  phase?: string;
  hungry?: boolean;
  idle?: boolean;
  wakeAt?: Date;
}

const fresh = { phase: 'scheduled', roundStartedAt: null, startedAt: null } as const;
const items = (...states: Partial<LocalTaskRun>[]): LocalTaskRun[] => [
  row('each', { state: 'RUNNING', itemCount: states.length }),
  ...states.map((state, mapIndex) => row('each', { mapIndex, item: mapIndex, attempt: 1, ...state })),
];
/** Items as a retry leaves them whose fan-out is expanded anew. */
const earlier = (task: string, count: number): LocalTaskRun[] =>
  Array.from({ length: count }, (_, mapIndex) => row(task, { mapIndex, item: mapIndex, attempt: 1 }));

const table: Row[] = [
  {
    reason: 'a task without needs starts first, the others wait',
    run: run(
      DIAMOND,
      Object.keys(DIAMOND).map((id) => row(id)),
      fresh,
    ),
    changed: { a: 'SCHEDULED' },
    starts: ['a'],
    phase: 'running',
  },
  {
    reason: 'without a slot nothing starts, the run says that it could, and nothing is written',
    run: run(
      DIAMOND,
      Object.keys(DIAMOND).map((id) => row(id)),
      fresh,
    ),
    slots: 0,
    changed: {},
    hungry: true,
    idle: false,
    phase: 'none',
  },
  {
    reason: 'both sides of a diamond start together',
    run: run(DIAMOND, [live('a'), row('b'), row('c'), row('d')]),
    events: [ended('a', exit(0))],
    changed: { a: 'COMPLETED', b: 'SCHEDULED', c: 'SCHEDULED' },
    starts: ['b', 'c'],
  },
  {
    reason: 'a failure skips all that follows in one step and ends the run',
    run: run(DIAMOND, [live('a'), row('b'), row('c'), row('d')]),
    events: [ended('a', exit(1))],
    changed: { a: 'FAILED', b: 'SKIPPED upstream-failed', c: 'SKIPPED upstream-failed', d: 'SKIPPED upstream-skipped' },
    phase: 'failed',
  },
  {
    reason: 'an event of an attempt that is not the current one changes nothing',
    run: run({ a: {} }, [live('a', { attempt: 2 })]),
    events: [ended('a', exit(1))],
    changed: {},
    phase: 'none',
  },
  {
    reason: 'a failure is retried after its delay',
    run: run({ a: { retry: { max: 1, delay: '5s' } } }, [live('a')]),
    events: [ended('a', exit(1))],
    changed: { a: 'RETRYING' },
    wakeAt: seconds(5),
  },
  {
    reason: 'before its time a retry waits',
    run: run({ a: {} }, [row('a', { state: 'RETRYING', attempt: 1, nextAttemptAt: seconds(5) })]),
    changed: {},
    wakeAt: seconds(5),
    idle: true,
    phase: 'none',
  },
  {
    reason: 'at its time the next attempt has the next number',
    run: run({ a: {} }, [row('a', { state: 'RETRYING', attempt: 1, nextAttemptAt: seconds(5) })]),
    now: seconds(5),
    changed: { a: 'SCHEDULED' },
    starts: ['a'],
  },
  {
    reason: 'a false start is followed at once although the policy has no retry',
    run: run({ a: {} }, [live('a')]),
    events: [ended('a', { kind: 'never-ran', at: NOW, message: '' })],
    changed: { a: 'SCHEDULED' },
    starts: ['a'],
  },
  {
    reason: 'the fourth false start in a row is a failure',
    run: run({ a: {} }, [live('a', { falseStarts: 3 })]),
    events: [ended('a', { kind: 'never-ran', at: NOW, message: '' })],
    changed: { a: 'FAILED' },
    phase: 'failed',
  },
  {
    reason: 'a lost attempt is retried only where the policy says infra',
    run: run({ a: { retry: { max: 1, on: ['failure'] } } }, [live('a')]),
    events: [ended('a', { kind: 'lost', at: NOW, message: '' })],
    changed: { a: 'FAILED' },
    phase: 'failed',
  },
  {
    reason: 'a paused run starts nothing',
    run: run({ a: {}, b: { needs: ['a'] } }, [live('a'), row('b')], { pauseWanted: true }),
    events: [ended('a', exit(0))],
    changed: { a: 'COMPLETED' },
    idle: true,
    phase: 'paused',
  },
  {
    reason: 'a paused run is not idle while a task of it runs',
    run: run({ a: {}, b: {} }, [live('a'), row('b')], { pauseWanted: true }),
    changed: {},
    idle: false,
    phase: 'paused',
  },
  {
    reason: 'a fan-out whose items all wait for their next attempts is idle',
    run: run(EACH, items({ state: 'RETRYING', nextAttemptAt: seconds(5) }, { state: 'COMPLETED' })),
    changed: {},
    wakeAt: seconds(5),
    idle: true,
    phase: 'none',
  },
  {
    reason: 'a cancel settles what has not started and stops what runs',
    run: run({ a: {}, b: { needs: ['a'] } }, [live('a'), row('b')], { cancelMode: 'graceful' }),
    changed: { b: 'CANCELLED run-cancelled' },
    stops: ['a graceful'],
    phase: 'running',
  },
  {
    reason: 'a stopped attempt of a cancelled run is cancelled, and so is the run',
    run: run({ a: {} }, [live('a')], { cancelMode: 'force' }),
    events: [ended('a', exit(0, { stopped: true }))],
    changed: { a: 'CANCELLED run-cancelled' },
    phase: 'cancelled',
  },
  {
    reason: 'a run whose only task succeeded before the stop reached it has succeeded',
    run: run({ a: {} }, [live('a')], { cancelMode: 'graceful' }),
    events: [ended('a', exit(0))],
    changed: { a: 'COMPLETED' },
    phase: 'succeeded',
  },
  {
    reason: 'a failure of a run that is being cancelled is not retried',
    run: run({ a: { retry: { max: 3 } } }, [live('a')], { cancelMode: 'graceful' }),
    events: [ended('a', exit(1))],
    changed: { a: 'FAILED' },
    phase: 'failed',
  },
  {
    reason: 'a stop that nobody asked for is a platform failure, which is retried',
    run: run({ a: { retry: { max: 1, delay: '1s' } } }, [live('a')]),
    events: [ended('a', exit(0, { stopped: true }))],
    changed: { a: 'RETRYING' },
    wakeAt: seconds(1),
  },
  {
    reason: 'past its deadline a run stops, and it says when that will be',
    run: run({ a: {} }, [live('a')], {}, { timeout: '10s' }),
    changed: {},
    wakeAt: seconds(10),
    phase: 'none',
  },
  {
    reason: 'at the deadline what runs is stopped',
    run: run({ a: {}, b: { needs: ['a'] } }, [live('a'), row('b')], {}, { timeout: '10s' }),
    now: seconds(10),
    changed: { b: 'CANCELLED run-timed-out' },
    stops: ['a graceful'],
  },
  {
    reason: 'maxParallel counts what runs already',
    run: run({ a: {}, b: {}, c: {} }, [live('a'), row('b'), row('c')], {}, { maxParallel: 2 }),
    changed: { b: 'SCHEDULED' },
    starts: ['b'],
  },
  {
    reason: 'a fan-out is expanded and started within its own limit',
    run: run(EACH, [row('each')], fresh),
    changed: { each: 'RUNNING', 'each.0': 'SCHEDULED', 'each.1': 'SCHEDULED', 'each.2': 'PENDING' },
    starts: ['each.0', 'each.1'],
  },
  {
    reason: 'the next item starts when one has ended',
    run: run(EACH, items({ state: 'RUNNING' }, { state: 'RUNNING' }, { state: 'PENDING', attempt: 0 })),
    events: [ended('each', exit(0), 0)],
    changed: { 'each.0': 'COMPLETED', 'each.2': 'SCHEDULED' },
    starts: ['each.2'],
  },
  {
    reason: 'the last item concludes the whole',
    run: run(EACH, items({ state: 'COMPLETED' }, { state: 'COMPLETED' }, { state: 'RUNNING' })),
    events: [ended('each', exit(0), 2)],
    changed: { 'each.2': 'COMPLETED', each: 'COMPLETED' },
    phase: 'succeeded',
  },
  {
    reason: 'a fan-out of an earlier round waits for the need that begins again with it',
    run: run(AFTER_A, [row('a', { attempt: 1 }), row('each'), ...earlier('each', 2)], fresh),
    changed: { a: 'SCHEDULED' },
    starts: ['a'],
  },
  {
    reason: 'items of an earlier round are counted on when it is expanded anew, and surplus ones take no part',
    run: run(AFTER_A, [live('a', { attempt: 2 }), row('each'), ...earlier('each', 3)]),
    events: [ended('a', exit(0), -1, 2)],
    changed: {
      a: 'COMPLETED',
      each: 'RUNNING',
      'each.0': 'SCHEDULED',
      'each.1': 'SCHEDULED',
      'each.2': 'SKIPPED item-gone',
    },
    starts: ['each.0', 'each.1'],
  },
  {
    reason: 'items of an earlier round end with a fan-out that is skipped in this one',
    run: run({ a: {}, each: { needs: ['a'], foreach: { items: [1, 2] } } }, [
      live('a', { attempt: 2 }),
      row('each'),
      ...earlier('each', 2),
    ]),
    events: [ended('a', exit(1), -1, 2)],
    changed: {
      a: 'FAILED',
      each: 'SKIPPED upstream-failed',
      'each.0': 'SKIPPED item-gone',
      'each.1': 'SKIPPED item-gone',
    },
    phase: 'failed',
  },
  {
    reason: 'items of an earlier round end with a fan-out that is cancelled before it is expanded',
    run: run(AFTER_A, [completed('a'), row('each'), ...earlier('each', 1)], { cancelMode: 'graceful' }),
    changed: { each: 'CANCELLED run-cancelled', 'each.0': 'CANCELLED run-cancelled' },
    phase: 'cancelled',
  },
  {
    reason: 'a cancel of the whole that came while it was expanded holds for its items',
    run: run(EACH, [
      row('each', { state: 'RUNNING', itemCount: 3, cancelWanted: true }),
      ...items({ state: 'COMPLETED' }, { state: 'RUNNING' }, { state: 'PENDING', attempt: 0 }).slice(1),
    ]),
    changed: { 'each.2': 'CANCELLED task-cancelled' },
    stops: ['each.1 graceful'],
  },
  {
    reason: 'an item that was stopped for a cancel of the whole is cancelled, not retried',
    run: run({ each: { foreach: { items: [1] }, retry: { max: 1, on: ['infra', 'failure'] } } }, [
      row('each', { state: 'RUNNING', itemCount: 1, cancelWanted: true }),
      row('each', { mapIndex: 0, item: 1, state: 'RUNNING', attempt: 1 }),
    ]),
    events: [ended('each', exit(0, { stopped: true }), 0)],
    changed: { 'each.0': 'CANCELLED task-cancelled', each: 'CANCELLED task-cancelled' },
    phase: 'succeeded',
  },
  {
    reason: 'items that are no list fail the task',
    run: run(
      { each: { foreach: { items: '${{ params.x }}' } } },
      [row('each')],
      { ...fresh, parameters: { x: 'text' } },
      {
        params: { x: { type: 'array' } },
      },
    ),
    changed: { each: 'FAILED' },
    phase: 'failed',
  },
  {
    reason: 'an attempt that started and ended between two looks is one change',
    run: run({ a: {} }, [live('a', { state: 'SCHEDULED' })]),
    events: [{ event: 'started', task: 'a', mapIndex: -1, attempt: 1, at: NOW }, ended('a', exit(0))],
    changed: { a: 'COMPLETED' },
    phase: 'succeeded',
  },
];

describe('decideRun', () => {
  test.each(table)('$reason', ({ run: given, events = [], slots = 8, now = NOW, ...wanted }) => {
    const before = structuredClone(given);
    const { step, stops, hungry, idle, wakeAt } = decideRun(given, events, slots, now);
    expect(Object.fromEntries((step?.tasks ?? []).map((task) => [name(task), word(task)]))).toEqual(wanted.changed);
    expect((step?.created ?? []).map(name)).toEqual(wanted.starts ?? []);
    expect(stops.map((stop) => `${name(stop)} ${stop.mode}`)).toEqual(wanted.stops ?? []);
    expect(step?.run.phase ?? 'none').toBe(wanted.phase ?? 'running');
    expect(hungry).toBe(wanted.hungry ?? false);
    if (wanted.idle !== undefined) expect(idle).toBe(wanted.idle);
    if (wanted.wakeAt !== undefined) expect(wakeAt).toEqual(wanted.wakeAt);
    expect(given).toEqual(before);
    expect(new Set(step?.changed.map((change) => `${name(change)}/${change.attempt}`)).size).toBe(
      step?.changed.length ?? 0,
    );
  });

  describe('lists of outputs that are too large together are not stored', () => {
    const long = 'x'.repeat(32 * 1024);
    const collect = (last: Partial<LocalTaskRun>, count = 40): LocalTaskRun | undefined => {
      const many = Array.from({ length: count }, () => ({ state: 'COMPLETED', outputs: { n: long } }) as const);
      const given = run({ each: { foreach: { items: [] }, outputs: { n: { type: 'string' } } } }, items(...many, last));
      return decideRun(given, [], 8, NOW).step?.tasks.find((task) => task.mapIndex === -1);
    };

    test.each<{ reason: string; last: Partial<LocalTaskRun>; code: string | undefined }>([
      { reason: 'all completed', last: { state: 'COMPLETED', outputs: { n: '' } }, code: 'output-too-large' },
      { reason: 'one failed', last: { state: 'FAILED', failure: failed('each').failure }, code: 'exit-code' },
      { reason: 'one was cancelled', last: { state: 'CANCELLED' }, code: undefined },
    ])('$reason', ({ last, code }) => {
      // Not compared as they are: a list that should not be there would be printed.
      expect(collect(last)?.outputs === null).toBe(true);
      expect(collect(last)?.failure?.code).toBe(code);
      expect(collect(last, 2)?.outputs).toEqual({ n: [long, long, last.outputs?.['n'] ?? null] });
    });

    test('also where they would be longer than a text can be', () => {
      // Written as 1e20, a number takes five times its room when it is written out.
      const wide = Array.from({ length: 6500 }, () => 1e20);
      const many = Array.from({ length: 4000 }, () => ({ state: 'COMPLETED', outputs: { n: wide } }) as const);
      const given = run({ each: { foreach: { items: [] }, outputs: { n: { type: 'array' } } } }, items(...many));
      const { step } = decideRun(given, [], 8, NOW);
      expect(step?.run.failure).toMatchObject({ code: 'output-too-large' });
    });
  });

  test('asked again after its step with no news, it has nothing to say', () => {
    const given = run(
      DIAMOND,
      Object.keys(DIAMOND).map((id) => row(id)),
      fresh,
    );
    const { step } = decideRun(given, [], 8, NOW);
    const changed = new Map((step?.tasks ?? []).map((task) => [task.task, task]));
    const after = {
      ...given,
      phase: step?.run.phase ?? given.phase,
      roundStartedAt: step?.run.roundStartedAt ?? null,
      tasks: given.tasks.map((task) => changed.get(task.task) ?? task),
    };
    expect(decideRun(after, [], 8, NOW).step).toBeUndefined();
  });
});
