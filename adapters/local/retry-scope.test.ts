import { describe, expect, test } from '@jest/globals';
import {
  AFTER_A,
  completed,
  definition,
  DIAMOND,
  EACH,
  failed,
  name,
  row,
  type Tasks,
} from './local-run.test-support.js';
import { retryScope, retryTaskScope } from './retry-scope.js';
import type { LocalTaskRun } from './run-model.js';

describe('what a retry starts again', () => {
  const resets = (tasks: Tasks, rows: LocalTaskRun[], chosen?: { task: string; mapIndex: number }): string[] => {
    const whole = definition(tasks);
    const scope = chosen === undefined ? retryScope(whole, rows) : retryTaskScope(whole, rows, chosen);
    return scope.map((reset) => `${name(reset)}${reset.keepItems ? ' kept' : ''}`);
  };
  const skipped = (task: string): LocalTaskRun => row(task, { state: 'SKIPPED' });

  test.each([
    {
      reason: 'the failed one and what was skipped for it',
      tasks: DIAMOND,
      rows: [completed('a'), failed('b'), completed('c'), skipped('d')],
      wanted: ['b', 'd'],
    },
    {
      reason: 'what was skipped for another reason stays',
      tasks: { a: {}, b: { needs: ['a'] }, c: {} },
      rows: [completed('a'), skipped('b'), failed('c')],
      wanted: ['c'],
    },
    {
      reason: 'a handler of the failure that did its work stays',
      tasks: { a: {}, b: { needs: ['a'], trigger: 'any-failed' } },
      rows: [failed('a'), completed('b')],
      wanted: ['a'],
    },
    {
      reason: 'of a fan-out the items that failed',
      tasks: { ...EACH, z: { needs: ['each'] } },
      rows: [
        failed('each', { itemCount: 3 }),
        completed('each', { mapIndex: 0 }),
        failed('each', { mapIndex: 1 }),
        row('each', { mapIndex: 2, state: 'CANCELLED' }),
        skipped('z'),
      ],
      wanted: ['each kept', 'each.1', 'each.2', 'z'],
    },
    {
      reason: 'a fan-out without items that failed is expanded anew',
      tasks: EACH,
      rows: [failed('each', { itemCount: 1 }), completed('each', { mapIndex: 0 })],
      wanted: ['each', 'each.0'],
    },
    {
      reason: 'a fan-out whose need begins again is expanded anew, after it',
      tasks: AFTER_A,
      rows: [
        failed('a'),
        failed('each', { itemCount: 2 }),
        completed('each', { mapIndex: 0 }),
        failed('each', { mapIndex: 1 }),
      ],
      wanted: ['a', 'each', 'each.0', 'each.1'],
    },
    {
      reason: 'a fan-out whose need stays keeps its items',
      tasks: AFTER_A,
      rows: [
        completed('a'),
        failed('each', { itemCount: 2 }),
        completed('each', { mapIndex: 0 }),
        failed('each', { mapIndex: 1 }),
      ],
      wanted: ['each kept', 'each.1'],
    },
    { reason: 'nothing of a run that succeeded', tasks: { a: {} }, rows: [completed('a')], wanted: [] },
  ] satisfies { reason: string; tasks: Tasks; rows: LocalTaskRun[]; wanted: string[] }[])(
    '$reason',
    ({ tasks, rows, wanted }) => {
      expect(resets(tasks, rows)).toEqual(wanted);
    },
  );

  test.each([
    { reason: 'a task with all that follows', chosen: { task: 'b', mapIndex: -1 }, wanted: ['b', 'd'] },
    { reason: 'nothing for a task that is not there', chosen: { task: 'x', mapIndex: -1 }, wanted: [] },
  ])('$reason', ({ chosen, wanted }) => {
    expect(
      resets(
        DIAMOND,
        ['a', 'b', 'c', 'd'].map((id) => completed(id)),
        chosen,
      ),
    ).toEqual(wanted);
  });
});
