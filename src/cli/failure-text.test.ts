import { describe, expect, test } from '@jest/globals';
import { failureText } from './failure-text.js';

describe('why a run failed', () => {
  test.each([
    {
      reason: 'the task comes first',
      message: 'The command ended with exit code 66.',
      task: 'load',
      says: 'task load: The command ended with exit code 66.',
    },
    { reason: 'not every failure is that of a task', message: 'The run timed out.', says: 'The run timed out.' },
    {
      reason: 'a task that the message names is not named twice',
      message: 'The task load failed in its attempt 2.',
      task: 'load',
      says: 'The task load failed in its attempt 2.',
    },
    {
      reason: 'a task of another name is another one',
      message: 'The task load failed in its attempt 2.',
      task: 'loa',
      says: 'task loa: The task load failed in its attempt 2.',
    },
  ])('$reason', ({ message, task, says }) => {
    const failure = { class: 'user', code: 'x', message, ...(task === undefined ? {} : { task_title: task }) };
    expect(failureText(failure)).toBe(says);
  });
});
