/** Runs of a compiled DAG as Airflow shows them: diamond `a` -> `b` (a fan-out), `c` -> `d`. */
import { describe, expect, test } from '@jest/globals';
import { compiledRun } from './compiled-run.js';
import type { CompiledRun } from './compiled-run.js';
import { retryTargets, retryTaskTargets } from './compiled-retry.js';
import { readTaskResult } from './task-result.js';
import type { TaskResult } from './task-result.js';
import { toCompiledTaskRuns } from './to-compiled-facts.js';
import { readRun } from './to-run.js';
import type { TaskInstance } from './to-task-run.js';

const AT = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`;
const EDGES = new Map([
  ['a', ['b__items', 'c', 'signalbox__end']],
  ['b__items', ['b', 'b__collect']],
  ['b', ['b__collect']],
  ['b__collect', ['d', 'signalbox__end']],
  ['c', ['d', 'signalbox__end']],
  ['d', ['signalbox__end']],
  ['signalbox__end', []],
]);

type Words = Record<string, string | [word: string, endedAt: number] | null>;

/** `words` by name, an item as `b.0`; a word may stand with the second at which it ended. */
function runOf(
  words: Words,
  run: { note?: string; state?: string; timeoutMs?: number; endedAt?: number } = {},
): CompiledRun {
  const instances = Object.entries(words).map(([name, told]): TaskInstance => {
    const [taskId = '', index] = name.split('.');
    const [word, endedAt] = Array.isArray(told) ? told : [told, 5];
    const begun = word !== null && !['upstream_failed', 'skipped'].includes(word);
    return {
      taskId,
      mapIndex: index === undefined ? -1 : Number(index),
      word,
      tryNumber: begun ? 1 : 0,
      startedAt: begun ? new Date(AT(1)) : undefined,
      finishedAt: endedAt < 0 ? undefined : new Date(AT(endedAt)),
      note: null,
    };
  });
  const { note, state = 'failed', timeoutMs, endedAt = 30 } = run;
  const conf = { __signalbox: { timeout_ms: timeoutMs ?? null } };
  const dagRun = {
    dag_id: 'd',
    dag_run_id: 'r',
    state,
    note: note ?? null,
    start_date: AT(0),
    end_date: AT(endedAt),
    conf,
  };
  const compiled = compiledRun(readRun(dagRun), instances);
  if (compiled === undefined) throw new Error('not seen as a compiled run');
  return compiled;
}

const DONE = {
  a: 'success',
  b__items: 'success',
  'b.0': 'success',
  'b.1': 'success',
  b__collect: 'success',
  c: 'success',
  d: 'success',
};
const END = { signalbox__end: 'success' };

function shown(run: CompiledRun, results: Record<string, object> = {}, ended = true): string[] {
  const result = ({ taskId, mapIndex }: TaskInstance): TaskResult | undefined =>
    readTaskResult(JSON.stringify(results[mapIndex < 0 ? taskId : `${taskId}.${mapIndex}`] ?? null));
  return toCompiledTaskRuns(run, { result, tries: () => undefined, page: () => '', ended }).map(
    ({ task, mapIndex, state, stateReason, outputs, failure }) =>
      [
        mapIndex === undefined ? task : `${task}[${mapIndex}]`,
        state,
        stateReason,
        outputs && JSON.stringify(outputs),
        failure?.code,
      ]
        .filter((part) => part !== undefined)
        .join(' '),
  );
}

describe('task runs', () => {
  test('are those of the definition: nothing of ours is shown, and a fan-out has its whole', () => {
    const results = {
      a: { outputs: { n: 1 } },
      b__collect: { outputs: { w: ['x', 'y'] }, items: [{ exitCode: 0 }, { exitCode: 0 }] },
      d: { outputs: {} },
    };
    expect(shown(runOf({ ...DONE, ...END }, { state: 'success' }), results)).toEqual([
      'a COMPLETED {"n":1}',
      'b COMPLETED {"w":["x","y"]}',
      'b[0] COMPLETED {"w":"x"}',
      'b[1] COMPLETED {"w":"y"}',
      'c COMPLETED',
      'd COMPLETED {}',
    ]);
  });

  test.each([
    { reason: 'before it is counted', b__items: 'running', b__collect: null, is: 'b PENDING' },
    { reason: 'while its items run', b__items: 'success', b__collect: null, is: 'b RUNNING' },
    { reason: 'when it was not begun', b__items: 'skipped', b__collect: 'skipped', is: 'b SKIPPED' },
    { reason: 'when its condition had no answer', b__items: 'failed', b__collect: 'failed', is: 'b FAILED task-lost' },
  ])('of a fan-out without items: $reason', ({ b__items, b__collect, is }) => {
    const run = runOf(
      { a: 'success', b__items, b: null, b__collect, c: 'running', d: null, signalbox__end: null },
      { state: 'running' },
    );
    expect(shown(run, {}, false)[1]).toBe(is);
  });

  test('tell why they were skipped in our words: Airflow calls all that follows a failure upstream_failed', () => {
    const words = { ...DONE, c: 'failed', d: 'upstream_failed', signalbox__end: 'failed' };
    expect(shown(runOf(words), { signalbox__end: { reasons: { d: 'upstream-skipped' } } }).at(-1)).toBe(
      'd SKIPPED upstream-skipped',
    );
    expect(shown(runOf(words), {}, false).at(-1)).toBe('d SKIPPED');
  });

  test('are cancelled with their run, each by its moment', () => {
    const note = `[signalbox stopped this run, ${AT(10)}]`;
    const cut: Words = {
      b__collect: ['skipped', 10],
      c: ['failed', 11],
      d: ['skipped', 10],
      signalbox__end: ['skipped', 10],
    };
    const words: Words = { ...DONE, 'b.1': ['failed', 10], ...cut };
    expect(shown(runOf(words, { note }), { 'b.0': { outputs: { w: 1 } } })).toEqual([
      'a COMPLETED',
      'b CANCELLED run-cancelled',
      'b[0] COMPLETED {"w":1}',
      'b[1] CANCELLED run-cancelled',
      'c CANCELLED run-cancelled',
      'd CANCELLED run-cancelled',
    ]);
  });

  test('are cancelled when the time of their run is over, and only then', () => {
    const words: Words = { ...DONE, c: ['skipped', -1], d: ['skipped', -1], signalbox__end: ['skipped', -1] };
    expect(shown(runOf(words, { timeoutMs: 20_000 })).slice(4)).toEqual([
      'c CANCELLED run-timed-out',
      'd CANCELLED run-timed-out',
    ]);
    // Airflow 2 leaves what has not begun without a word.
    const left: Words = { ...words, d: null, signalbox__end: null };
    expect(shown(runOf(left, { timeoutMs: 20_000 })).at(-1)).toBe('d CANCELLED run-timed-out');
    expect(runOf(words, { timeoutMs: 40_000 }).timedOut).toBe(false);
    expect(runOf(words, { timeoutMs: 20_000, state: 'success' }).timedOut).toBe(false);
  });
});

describe('a retry clears what the local engine would begin again', () => {
  const names = (targets: { taskId: string; mapIndex: number }[]): string[] =>
    targets.map(({ taskId, mapIndex }) => (mapIndex < 0 ? taskId : `${taskId}.${mapIndex}`));

  test.each<{ reason: string; words: Words; is: string[] }>([
    { reason: 'nothing failed', words: { ...DONE, ...END }, is: [] },
    {
      reason: 'one item failed: the others stay, what waited for the whole goes with it',
      words: { ...DONE, 'b.1': 'failed', b__collect: 'failed', d: 'upstream_failed', signalbox__end: 'failed' },
      is: ['b.1', 'b__collect', 'd', 'signalbox__end'],
    },
    {
      reason: 'one item was cleared by a retry that broke off',
      words: { ...DONE, 'b.1': null, b__collect: 'failed', d: 'upstream_failed', signalbox__end: 'failed' },
      is: ['b.1', 'b__collect', 'd', 'signalbox__end'],
    },
    {
      reason: 'a handler of the failure did its work',
      words: { ...DONE, c: 'failed', d: 'success', signalbox__end: 'failed' },
      is: ['c', 'signalbox__end'],
    },
    {
      reason: 'what was skipped for another reason stays',
      words: {
        ...DONE,
        c: 'failed',
        b__items: 'skipped',
        'b.0': 'skipped',
        'b.1': 'skipped',
        b__collect: 'skipped',
        d: 'upstream_failed',
        signalbox__end: 'failed',
      },
      is: ['c', 'd', 'signalbox__end'],
    },
    {
      reason: 'a fan-out that was never counted begins as a whole',
      words: {
        a: 'failed',
        b__items: 'upstream_failed',
        b: 'upstream_failed',
        b__collect: 'skipped',
        c: 'upstream_failed',
        d: 'upstream_failed',
        signalbox__end: 'failed',
      },
      is: ['a', 'b__items', 'b', 'b__collect', 'c', 'd', 'signalbox__end'],
    },
  ])('$reason', ({ words, is }) => {
    expect(names(retryTargets(runOf(words), EDGES))).toEqual(is);
  });

  test('of one task, with all that is downstream of it', () => {
    const run = runOf({ ...DONE, ...END });
    expect(names(retryTaskTargets(run, EDGES, { task: 'c' }))).toEqual(['c', 'd', 'signalbox__end']);
    expect(names(retryTaskTargets(run, EDGES, { task: 'b', mapIndex: 1 }))).toEqual([
      'b.1',
      'b__collect',
      'd',
      'signalbox__end',
    ]);
    expect(names(retryTaskTargets(run, EDGES, { task: 'b' }))).toEqual([
      'b__items',
      'b',
      'b__collect',
      'd',
      'signalbox__end',
    ]);
    expect(retryTaskTargets(run, EDGES, { task: 'b', mapIndex: 9 })).toEqual([]);
    expect(retryTaskTargets(run, EDGES, { task: 'nobody' })).toEqual([]);
  });
});
