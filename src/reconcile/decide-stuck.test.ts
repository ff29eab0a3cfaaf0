import { describe, expect, test } from '@jest/globals';
import { type DecisionRow, expectDecision, MINUTE, running, seen, whole } from '../../test/support/decision-rows.js';
import { ago, facts, NOW } from '../../test/support/run-records.js';

const rows: DecisionRow[] = [
  {
    reason: 'a list that tells no reason leaves the one that is known, and costs no write',
    run: running({
      state: 'RUNNING',
      stateReason: 'engine-definition-paused',
      observed: facts({ phase: 'running', stateReason: 'engine-definition-paused' }),
    }),
    observation: seen({ phase: 'running' }),
    do: 'nothing',
    why: 'nothing changed',
  },
  {
    reason: 'the whole execution without a reason ends the one that was known',
    run: running({
      state: 'RUNNING',
      stateReason: 'engine-definition-paused',
      observed: facts({ phase: 'running', stateReason: 'engine-definition-paused' }),
    }),
    observation: whole({ phase: 'running' }),
    do: 'store',
    record: { state: 'RUNNING', stateReason: null },
  },
  {
    reason: 'F36: what the engine holds for longer than STUCK_AFTER is said to be stuck, and keeps its state',
    run: running({
      state: 'SCHEDULED',
      observed: facts({ phase: 'scheduled', phaseSince: ago(11 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'store',
    why: 'stuck, or no longer',
    record: {
      state: 'SCHEDULED',
      stateReason: 'stuck: not-started',
      lastError: {
        code: 'stuck',
        message: 'The engine has the run since 2026-01-01T11:49:00.000Z and has not started it.',
        at: NOW.toISOString(),
      },
    },
  },
  {
    reason: 'F36: from the last moment of that time on',
    run: running({
      state: 'SCHEDULED',
      observed: facts({ phase: 'scheduled', phaseSince: ago(10 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'store',
    record: { state: 'SCHEDULED', stateReason: 'stuck: not-started' },
  },
  {
    reason: 'F36: with the diagnosis of the engine, where it has one',
    run: running({
      state: 'SCHEDULED',
      observed: facts({
        phase: 'scheduled',
        phaseSince: ago(11 * MINUTE).toISOString(),
        stateReason: 'engine-definition-paused',
      }),
    }),
    observation: seen({ phase: 'scheduled', stateReason: 'engine-definition-paused' }),
    do: 'store',
    record: { state: 'SCHEDULED', stateReason: 'stuck: engine-definition-paused' },
  },
  {
    reason: 'F36: not before',
    run: running({
      state: 'SCHEDULED',
      observed: facts({ phase: 'scheduled', phaseSince: ago(9 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'nothing',
  },
  {
    reason: 'F36: what is said already costs no write',
    run: running({
      state: 'SCHEDULED',
      stateReason: 'stuck: not-started',
      lastError: { code: 'stuck', message: '-', at: '-' },
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'nothing',
  },
  {
    reason: 'F36: what moves is no longer stuck',
    run: running({
      state: 'SCHEDULED',
      stateReason: 'stuck: not-started',
      lastError: { code: 'stuck', message: '-', at: '-' },
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: whole({ phase: 'running' }),
    do: 'store',
    record: { state: 'RUNNING', stateReason: null, lastError: null },
  },
  {
    reason: 'F36: the time in another phase does not count',
    run: running({ observed: facts({ phaseSince: ago(60 * MINUTE).toISOString() }) }),
    observation: whole({ phase: 'scheduled' }),
    do: 'store',
    record: { state: 'SCHEDULED', stateReason: null },
  },
  {
    reason: 'F36: a run that is to be held or stopped is not waiting for its start',
    run: running({
      state: 'SCHEDULED',
      desired: 'paused',
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'nothing',
  },
  {
    reason: 'F36: what is stuck still was stuck when it was said first',
    run: running({
      state: 'SCHEDULED',
      stateReason: 'stuck: not-started',
      lastError: { code: 'stuck', message: '-', at: ago(MINUTE).toISOString() },
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: whole({ phase: 'scheduled' }),
    do: 'store',
    why: 'facts confirmed',
    record: { lastError: { code: 'stuck', message: expect.any(String) as never, at: ago(MINUTE).toISOString() } },
  },
  {
    reason: 'F36: another error before it says nothing of when it was stuck',
    run: running({
      state: 'SCHEDULED',
      lastError: { code: 'engine-timeout', message: '-', at: ago(MINUTE).toISOString() },
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'store',
    record: { lastError: { code: 'stuck', message: expect.any(String) as never, at: NOW.toISOString() } },
  },
  {
    reason: 'F36: what is to be held now is no longer stuck',
    run: running({
      state: 'SCHEDULED',
      desired: 'paused',
      lastError: { code: 'stuck', message: '-', at: '-' },
      observed: facts({ phase: 'scheduled', phaseSince: ago(60 * MINUTE).toISOString() }),
    }),
    observation: seen({ phase: 'scheduled' }),
    do: 'store',
    why: 'stuck, or no longer',
    record: { state: 'SCHEDULED', stateReason: null, lastError: null },
  },
];

describe('decide, on what does not start', () => {
  test.each(rows)('$reason: $do', expectDecision);
});
