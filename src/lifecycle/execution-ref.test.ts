import { expect, test } from '@jest/globals';
import { aRun } from '../../test/support/run-records.js';
import { toExecutionRef } from './execution-ref.js';

test('an execution is told with the text of a reference, by which the engine knows its workflow', () => {
  expect(toExecutionRef(aRun({ workflowReference: 'nightly_load' })).workflow).toEqual({
    id: '3',
    title: 'etl',
    version: 1,
    reference: 'nightly_load',
  });
});

test('an execution of any other definition is told without its text', () => {
  expect(toExecutionRef(aRun()).workflow).not.toHaveProperty('reference');
});
