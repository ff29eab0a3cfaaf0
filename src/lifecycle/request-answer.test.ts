import { describe, expect, test } from '@jest/globals';
import type { LifecycleRequestType } from './lifecycle-event.js';
import { LIFECYCLE_TABLE } from '../../test/support/lifecycle-table.js';
import { answerRequest, type Requestable } from './request-answer.js';
import type { RunState } from './run-state.js';

const VERBS = { pause: 'native', resume: 'native' } as const;

function run(state: RunState, changes: Partial<Requestable> = {}): Requestable {
  const desired = state === 'CANCELLING' ? 'cancelled' : state === 'PAUSED' ? 'paused' : 'run';
  return { state, desired, generation: state === 'RETRYING' ? 2 : 1, execution: { outcome: 'known' }, ...changes };
}

const ANSWERS = { 202: 'accepted', 200: 'unchanged', 409: 'refused' } as const;

const cases = Object.entries(LIFECYCLE_TABLE).flatMap(([type, row]) =>
  Object.entries(row).map(([state, status]) => ({
    type: type as LifecycleRequestType,
    state: state as RunState,
    answer: ANSWERS[status],
  })),
);

describe('answerRequest', () => {
  test.each(cases)('$type of a $state run is $answer', ({ type, state, answer }) => {
    expect(answerRequest(run(state), type, VERBS).answer).toBe(answer);
  });

  test.each([
    {
      reason: 'rule 9: a verb that names an older generation changes nothing',
      answer: answerRequest(run('RUNNING', { generation: 2 }), 'CANCEL', VERBS, 1),
      want: 'unchanged',
    },
    {
      reason: 'rule 9: the current generation is meant',
      answer: answerRequest(run('RUNNING', { generation: 2 }), 'CANCEL', VERBS, 2),
      want: 'accepted',
    },
    {
      reason: 'a retry that is active again is not repeated',
      answer: answerRequest(run('RUNNING', { generation: 2 }), 'RETRY', VERBS),
      want: 'unchanged',
    },
    {
      reason: 'an engine that cannot pause holds what it was not sent',
      answer: answerRequest(run('PENDING', { execution: { outcome: 'none' } }), 'PAUSE', { pause: 'none' } as never),
      want: 'accepted',
    },
    {
      reason: 'an engine that cannot pause is not asked to',
      answer: answerRequest(run('RUNNING'), 'PAUSE', { pause: 'none', resume: 'none' }),
      want: 'refused',
    },
    {
      reason: 'a pause that is open is not repeated',
      answer: answerRequest(run('RUNNING', { desired: 'paused' }), 'PAUSE', VERBS),
      want: 'unchanged',
    },
    {
      reason: 'a pause that is open is taken back',
      answer: answerRequest(run('RUNNING', { desired: 'paused' }), 'RESUME', VERBS),
      want: 'accepted',
    },
  ])('$reason: $want', ({ answer, want }) => {
    expect(answer.answer).toBe(want);
  });
});
