import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { aRun, facts, NOW } from '../../test/support/run-records.js';
import { IllegalMove, refold } from './refold.js';
import { isAllowedMove, isFinal, RUN_STATES, RUN_STATE_TABLE } from './run-state.js';
import { withRequest } from './with-request.js';

const STATE = { type: 'STATE', source: 'engine' } as const;

describe('refold', () => {
  test('a move writes one event with from and to', () => {
    const before = aRun({ state: 'SCHEDULED', execution: { outcome: 'known' } });
    const { record, events } = refold(before, { ...before, observed: facts() }, STATE);
    expect(record.state).toBe('RUNNING');
    expect(events).toEqual([
      { type: 'STATE', from: 'SCHEDULED', to: 'RUNNING', generation: 1, source: 'engine', actor: null, reason: null },
    ]);
  });

  test('facts that move nothing write no event', () => {
    const before = aRun({ state: 'RUNNING', observed: facts(), execution: { outcome: 'known' } });
    expect(refold(before, { ...before, observed: facts({ liveTasks: 1 }) }, STATE).events).toEqual([]);
  });

  test('a request that moves the state is one event, not two', () => {
    const before = aRun({ state: 'PENDING' });
    const { record, events } = refold(before, withRequest(before, 'CANCEL', 'in-place'), {
      type: 'CANCEL',
      source: 'client',
    });
    expect(record.state).toBe('CANCELLED');
    expect(events.map(({ type, from, to }) => [type, from, to])).toEqual([['CANCEL', 'PENDING', 'CANCELLED']]);
  });

  test('a request that moves nothing is an event all the same', () => {
    const before = aRun({ state: 'RUNNING', observed: facts(), execution: { outcome: 'known' } });
    const { events } = refold(before, withRequest(before, 'PAUSE', 'in-place'), { type: 'PAUSE', source: 'client' });
    expect(events.map(({ type, from, to }) => [type, from, to])).toEqual([['PAUSE', 'RUNNING', 'RUNNING']]);
  });

  test('the end has a time, ends the execution and leaves nothing due', () => {
    const before = aRun({
      state: 'RUNNING',
      observed: facts(),
      execution: { outcome: 'known' },
      nextActionAt: NOW,
      leaseToken: 'x',
    });
    const { record } = refold(before, { ...before, observed: facts({ phase: 'succeeded', outputs: { n: 1 } }) }, STATE);
    expect(record).toMatchObject({
      state: 'COMPLETED',
      finishedAt: NOW,
      nextActionAt: null,
      leaseToken: null,
      outputs: { n: 1 },
    });
    expect(record.execution.endedAt).toEqual(NOW);
  });

  test('a move the table forbids is an error and never a row', () => {
    const before = aRun({ state: 'COMPLETED', finishedAt: NOW, observed: facts({ phase: 'succeeded' }) });
    expect(() => refold(before, { ...before, observed: facts() }, STATE)).toThrow(IllegalMove);
  });
});

describe('withRequest', () => {
  test.each([
    {
      reason: 'rule 4: the engine keeps the object: retry in place under the same key',
      kind: 'in-place',
      outcome: 'known',
      verb: 'retry',
      state: 'RETRYING',
    },
    {
      reason: 'rule 4: a generation that never reached the engine is submitted',
      kind: 'in-place',
      outcome: 'refused',
      verb: 'submit',
      state: 'PENDING',
    },
    {
      reason: 'an engine that makes a new execution gets a submit',
      kind: 'new-execution',
      outcome: 'known',
      verb: 'submit',
      state: 'PENDING',
    },
  ] as const)('$reason', ({ kind, outcome, verb, state }) => {
    const before = aRun({
      state: 'CANCELLED',
      finishedAt: NOW,
      desired: 'cancelled',
      observed: outcome === 'known' ? facts({ phase: 'cancelled' }) : null,
      execution: { outcome },
    });
    const { record } = refold(before, withRequest(before, 'RETRY', kind), { type: 'RETRY', source: 'client' });
    expect(record).toMatchObject({ state, generation: 2, desired: 'run', finishedAt: null, failure: null });
    expect(record.execution.verb).toBe(verb);
    expect(record.execution.key.endsWith(verb === 'retry' ? '-g1' : '-g2')).toBe(true);
  });
});

describe('the state table', () => {
  test('final states are left by a retry alone, and COMPLETED by nothing', () => {
    for (const state of RUN_STATES.filter(isFinal)) {
      expect(RUN_STATE_TABLE[state].moves).toEqual(state === 'COMPLETED' ? [] : ['RETRYING', 'PENDING']);
    }
  });

  test('every state can be reached and every active one can end', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RUN_STATES), (state) => {
        expect(state === 'PENDING' || RUN_STATES.some((from) => isAllowedMove(from, state))).toBe(true);
        if (!isFinal(state)) expect(RUN_STATE_TABLE[state].moves.some((to) => isFinal(to))).toBe(true);
      }),
    );
  });
});
