import { describe, expect, test } from '@jest/globals';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import { IllegalMove, refold } from './refold.js';
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
      leaseUntil: NOW,
      lastError: { code: 'engine-timeout', message: '-', at: '-' },
    });
    const { record } = refold(before, { ...before, observed: facts({ phase: 'succeeded', outputs: { n: 1 } }) }, STATE);
    expect(record).toMatchObject({
      state: 'COMPLETED',
      finishedAt: NOW,
      nextActionAt: null,
      leaseToken: null,
      leaseUntil: null,
      lastError: null,
      outputs: { n: 1 },
    });
    expect(record.execution.endedAt).toEqual(NOW);
  });

  test('a move the table forbids is an error and never a row', () => {
    const before = aRun({ state: 'COMPLETED', finishedAt: NOW, observed: facts({ phase: 'succeeded' }) });
    const move = (): unknown => refold(before, { ...before, observed: facts() }, STATE);
    expect(move).toThrow(IllegalMove);
    expect(move).toThrow(
      expect.objectContaining({ name: 'IllegalMove', message: 'run 7 may not move from COMPLETED to RUNNING' }),
    );
  });

  test('an active run keeps what is due, what holds it up and who holds it', () => {
    const lastError = { code: 'engine-timeout', message: '-', at: '-' };
    const due = { nextActionAt: NOW, leaseToken: 'x', leaseUntil: NOW, lastError };
    const before = aRun({ state: 'SCHEDULED', execution: { outcome: 'known' }, ...due });
    const { record } = refold(before, { ...before, observed: facts({ outputs: { n: 1 } }) }, STATE);
    expect(record).toMatchObject({ state: 'RUNNING', ...due, finishedAt: null, outputs: null });
    expect(record.execution.endedAt).toBeNull();
  });

  test('the times are those of the engine, and the first start stays', () => {
    const before = aRun({ state: 'RUNNING', observed: facts(), execution: { outcome: 'known' } });
    const observed = facts({
      phase: 'succeeded',
      startedAt: ago(9_000).toISOString(),
      finishedAt: ago(3_000).toISOString(),
    });
    expect(refold(before, { ...before, observed }, STATE).record).toMatchObject({
      startedAt: ago(9_000),
      finishedAt: ago(3_000),
      outputs: null,
    });
    const started = { ...before, startedAt: ago(10_000) };
    expect(refold(started, { ...started, observed }, STATE).record.startedAt).toEqual(ago(10_000));
  });

  test('facts after the end change no time of it', () => {
    const before = aRun({
      state: 'FAILED',
      finishedAt: ago(5_000),
      observed: facts({ phase: 'failed' }),
      execution: { outcome: 'known', endedAt: ago(4_000) },
    });
    const observed = facts({ phase: 'failed', finishedAt: ago(3_000).toISOString(), outputs: { n: 1 } });
    const { record, events } = refold(before, { ...before, observed }, STATE);
    expect(record).toMatchObject({ finishedAt: ago(5_000), outputs: null });
    expect(record.execution.endedAt).toEqual(ago(4_000));
    expect(events).toEqual([]);
  });

  test.each([
    {
      reason: 'a failure is the reason of the move',
      observed: facts({ phase: 'failed', failure: { class: 'user', code: 'exit-code', message: '-' } }),
      cause: STATE,
      event: { to: 'FAILED', actor: null, reason: 'exit-code' },
    },
    {
      reason: 'the reason of the state is the reason of the move',
      observed: facts({ phase: 'paused', stateReason: 'held-by-operator' }),
      cause: STATE,
      event: { to: 'PAUSED', actor: null, reason: 'held-by-operator' },
    },
    {
      reason: 'the words of the client go before both, with their author',
      observed: facts({ phase: 'paused', stateReason: 'held-by-operator' }),
      cause: { type: 'CANCEL', source: 'client', actor: 'client-7', reason: 'wrong day' } as const,
      event: { to: 'PAUSED', actor: 'client-7', reason: 'wrong day' },
    },
    {
      reason: 'a request that moves nothing repeats no reason of the state',
      observed: facts({ stateReason: 'waits-for-node' }),
      cause: { type: 'PAUSE', source: 'client' } as const,
      event: { to: 'RUNNING', actor: null, reason: null },
    },
  ])('$reason', ({ observed, cause, event }) => {
    const before = aRun({ state: 'RUNNING', observed: facts(), execution: { outcome: 'known' } });
    expect(refold(before, { ...before, observed }, cause).events).toMatchObject([event]);
  });

  test('a run that the engine has not shown yet has no start', () => {
    const before = aRun({ state: 'PENDING' });
    expect(refold(before, withRequest(before, 'CANCEL', 'in-place'), STATE).record).toMatchObject({
      state: 'CANCELLED',
      startedAt: null,
      finishedAt: NOW,
    });
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
