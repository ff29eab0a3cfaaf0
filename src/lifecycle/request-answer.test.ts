import { describe, expect, test } from '@jest/globals';
import type { LifecycleRequestType } from './lifecycle-event.js';
import { LIFECYCLE_TABLE } from '../../test/support/lifecycle-table.js';
import { answerRequest, type Answer, type Requestable } from './request-answer.js';
import type { RunState } from './run-state.js';

const VERBS = { pause: 'native', resume: 'native' } as const;

function run(state: RunState, changes: Partial<Requestable> = {}): Requestable {
  const desired = state === 'CANCELLING' ? 'cancelled' : state === 'PAUSED' ? 'paused' : 'run';
  return {
    state,
    desired,
    generation: state === 'RETRYING' ? 2 : 1,
    execution: { outcome: 'known', pauseSent: false },
    ...changes,
  };
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
    expect(answerRequest(run(state), type, VERBS)).toEqual(
      answer === 'accepted' ? { answer } : { answer, reason: expect.stringMatching(/\w/) },
    );
  });

  test('a request that it does not know is a mistake of ours, never an answer', () => {
    expect(() => answerRequest(run('RUNNING'), 'MELT' as never, VERBS)).toThrow('lifecycle request: unhandled "MELT"');
  });

  test.each([
    {
      reason: 'rule 9: a verb that names an older generation changes nothing',
      answer: answerRequest(run('RUNNING', { generation: 2 }), 'CANCEL', VERBS, 1),
      want: 'unchanged',
    },
    {
      reason: 'rule 9: the reason names the generation that it is in',
      answer: answerRequest(run('RUNNING', { generation: 2 }), 'CANCEL', VERBS, 1),
      want: 'unchanged',
      why: 'the run is in generation 2 already',
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
      answer: answerRequest(run('PENDING', { execution: { outcome: 'none', pauseSent: false } }), 'PAUSE', {
        pause: 'none',
      } as never),
      want: 'accepted',
    },
    {
      reason: 'an engine that cannot pause is not asked to',
      answer: answerRequest(run('RUNNING'), 'PAUSE', { pause: 'none', resume: 'none' }),
      want: 'refused',
      why: 'the engine cannot pause a run',
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
    {
      reason: 'a cancel of a run that ended says how it ended',
      answer: answerRequest(run('COMPLETED', { desired: 'cancelled' }), 'CANCEL', VERBS),
      want: 'unchanged',
      why: 'the run is COMPLETED',
    },
    {
      reason: 'a cancel under way is not sent again',
      answer: answerRequest(run('CANCELLING'), 'CANCEL', VERBS),
      want: 'unchanged',
      why: 'a cancel is in progress',
    },
    {
      reason: 'a completed run is not retried, whatever generation it is in',
      answer: answerRequest(run('COMPLETED', { generation: 2 }), 'RETRY', VERBS),
      want: 'refused',
      why: 'a completed run is not retried; start another one',
    },
    {
      reason: 'a pause of a run that ended says how it ended',
      answer: answerRequest(run('FAILED', { desired: 'paused' }), 'PAUSE', VERBS),
      want: 'refused',
      why: 'the run is FAILED',
    },
    {
      reason: 'a run that is being cancelled is not paused',
      answer: answerRequest(run('CANCELLING'), 'PAUSE', VERBS),
      want: 'refused',
      why: 'the run is CANCELLING',
    },
    {
      reason: 'a pause takes back a resume that is still to be sent, or whose answer nobody has',
      answer: answerRequest(
        run('PAUSED', { desired: 'run', execution: { outcome: 'known', pauseSent: true } }),
        'PAUSE',
        VERBS,
      ),
      want: 'accepted',
      why: undefined,
    },
    {
      reason: 'a run that the engine holds by itself is paused already',
      answer: answerRequest(run('PAUSED', { desired: 'run' }), 'PAUSE', VERBS),
      want: 'unchanged',
      why: 'the engine holds the run',
    },
    {
      reason: 'a run that we hold has its pause open',
      answer: answerRequest(run('PAUSED'), 'PAUSE', VERBS),
      want: 'unchanged',
      why: 'a pause is open',
    },
    {
      reason: 'an engine that cannot resume is not asked to',
      answer: answerRequest(run('PAUSED'), 'RESUME', { pause: 'native', resume: 'none' }),
      want: 'refused',
      why: 'the engine cannot resume a run',
    },
    {
      reason: 'an engine that cannot resume gets the submit that was held',
      answer: answerRequest(run('PAUSED', { execution: { outcome: 'none', pauseSent: false } }), 'RESUME', {
        pause: 'none',
        resume: 'none',
      }),
      want: 'accepted',
    },
    {
      reason: 'an engine that can resume gets the submit that was held',
      answer: answerRequest(run('PAUSED', { execution: { outcome: 'none', pauseSent: false } }), 'RESUME', VERBS),
      want: 'accepted',
    },
    {
      reason: 'a run that the engine holds by itself may be resumed',
      answer: answerRequest(run('PAUSED', { desired: 'run' }), 'RESUME', VERBS),
      want: 'accepted',
    },
  ] as { reason: string; answer: Answer; want: Answer['answer']; why?: string }[])(
    '$reason: $want',
    ({ answer, want, why }) => {
      expect(answer.answer).toBe(want);
      if (why !== undefined) expect(answer).toHaveProperty('reason', why);
    },
  );
});
