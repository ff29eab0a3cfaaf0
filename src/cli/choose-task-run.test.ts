import { describe, expect, test } from '@jest/globals';
import type { TaskRun } from './api-types.js';
import { chooseTaskRun } from './choose-task-run.js';

function taskRun(id: number, mapIndex?: number): TaskRun {
  const own = { id, task_id: 1, task_title: 'load', workflow_run_id: 5, state: 'RUNNING', attempt: 1 };
  return mapIndex === undefined ? own : { ...own, map_index: mapIndex };
}

const ALONE = [taskRun(1)];
const ITEMS = [taskRun(2, 0), taskRun(3, 1), taskRun(4, 2)];
const FAN_OUT = [taskRun(1), ...ITEMS];

describe('the task run that a request is for', () => {
  test.each([
    { reason: 'a task without items is its only task run', of: ALONE, item: undefined, id: 1 },
    { reason: 'a fan-out is meant as a whole unless an item is named', of: FAN_OUT, item: undefined, id: 1 },
    { reason: 'an item goes by its number', of: FAN_OUT, item: 2, id: 4 },
    { reason: 'the first item too', of: FAN_OUT, item: 0, id: 2 },
    { reason: 'some engines tell of items only', of: ITEMS, item: 1, id: 3 },
    { reason: 'of which one alone needs no number', of: [taskRun(2, 0)], item: undefined, id: 2 },
  ])('$reason', ({ of, item, id }) => expect(chooseTaskRun(of, { run: 5, task: 'load', item }).id).toBe(id));

  test.each([
    {
      reason: 'an item that is not there is answered with those that are',
      of: FAN_OUT,
      item: 9,
      says: 'Run 5 has no item 9 of load: its items are 0 to 2.',
    },
    {
      reason: 'numbers that have gaps are told one by one',
      of: [taskRun(2, 0), taskRun(4, 2)],
      item: 1,
      says: 'Run 5 has no item 1 of load: its items are 0, 2.',
    },
    {
      reason: 'and a single one by its own',
      of: [taskRun(1), taskRun(2, 0)],
      item: 1,
      says: 'Run 5 has no item 1 of load: its only item is 0.',
    },
    { reason: 'a task without items has none to name', of: ALONE, item: 0, says: 'Task load of run 5 has no items.' },
    {
      reason: 'where nothing stands for all items one has to be named, and the items alone are counted',
      of: ITEMS,
      item: undefined,
      says: 'Task load of run 5 has 3 items, 0 to 2: choose one with --item.',
    },
  ])('is refused: $reason', ({ of, item, says }) =>
    expect(() => chooseTaskRun(of, { run: 5, task: 'load', item })).toThrow(says),
  );
});
