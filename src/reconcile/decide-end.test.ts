import { describe, expect, test } from '@jest/globals';
import {
  absent,
  CONTEXT,
  type DecisionRow,
  expectDecision,
  KEY,
  MINUTE,
  seen,
  whole,
} from '../../test/support/decision-rows.js';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { decide } from './decide.js';

/** Somebody holds the run and calls. */
function beingCancelled(execution: Partial<RunRecord['execution']>): RunRecord {
  return aRun({
    state: 'CANCELLING',
    desired: 'cancelled',
    observed: facts(),
    leaseToken: 'ours',
    leaseUntil: new Date(NOW.getTime() + 5_000),
    execution: { outcome: 'known', cancelSentAt: ago(100), ...execution },
  });
}

const rows: DecisionRow[] = [
  {
    reason: 'a run that ended may be gone',
    run: aRun({ state: 'COMPLETED', observed: facts({ phase: 'succeeded' }), execution: { outcome: 'known' } }),
    observation: absent,
    ctx: { pass: true },
    do: 'nothing',
    why: 'the run has ended',
  },
  {
    reason: 'nobody has to read a run that ended',
    run: aRun({ state: 'COMPLETED', observed: facts({ phase: 'succeeded' }), execution: { outcome: 'known' } }),
    observation: { presence: 'unread', key: KEY, reason: 'connection refused' },
    do: 'nothing',
    why: 'the run has ended',
  },
  {
    reason: 'rule 3: while the cancel is being called nobody knows whether it is what ended the run',
    run: beingCancelled({}),
    observation: whole({ phase: 'failed', engineState: 'failed' }),
    do: 'nothing',
    why: 'whether the cancel is what ended it is known with the answer to it',
  },
  {
    reason: 'whoever drives the run has the answer',
    run: beingCancelled({}),
    observation: whole({ phase: 'failed', engineState: 'failed' }),
    ctx: { driving: true },
    do: 'store',
    record: { state: 'CANCELLED' },
  },
  {
    reason: 'rule 3: a cancel that arrived is what ended it',
    run: beingCancelled({ cancelMode: 'graceful' }),
    observation: whole({ phase: 'failed', engineState: 'failed' }),
    do: 'store',
    record: { state: 'CANCELLED' },
  },
  {
    reason: 'rule 3: with its caller gone a cancel may have arrived',
    run: { ...beingCancelled({}), leaseUntil: ago(1) },
    observation: whole({ phase: 'failed', engineState: 'failed' }),
    do: 'store',
    record: { state: 'CANCELLED' },
  },
  {
    reason: 'what the engine itself calls cancelled needs no answer',
    run: beingCancelled({}),
    observation: whole({ phase: 'cancelled', engineState: 'cancelled' }),
    do: 'store',
    record: { state: 'CANCELLED' },
  },
  {
    reason: 'rule 8: the engine running again after the end is drift, never a flip',
    run: aRun({
      state: 'COMPLETED',
      finishedAt: NOW,
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known' },
    }),
    observation: whole(),
    do: 'drift',
  },
  {
    reason: 'an answer to a look that began before the end was stored may be older than the end',
    run: aRun({
      state: 'COMPLETED',
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: NOW },
    }),
    observation: whole(),
    ctx: { at: ago(1) },
    do: 'nothing',
    why: 'asked before the end was seen',
  },
  {
    reason: 'a look of the very millisecond may have been first',
    run: aRun({
      state: 'COMPLETED',
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: NOW },
    }),
    observation: whole(),
    ctx: { at: NOW },
    do: 'nothing',
    why: 'asked before the end was seen',
  },
  {
    reason: 'a look that began after the end contradicts it',
    run: aRun({
      state: 'COMPLETED',
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: ago(1) },
    }),
    observation: whole(),
    do: 'drift',
  },
  {
    reason: 'an unknown word after the end is no drift',
    run: aRun({
      state: 'COMPLETED',
      finishedAt: NOW,
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known' },
    }),
    observation: whole({ phase: undefined as never, engineState: 'brand_new' }),
    do: 'nothing',
    why: 'the run has ended',
  },
  {
    reason: 'rule 8: tasks may be corrected while they settle',
    run: aRun({
      state: 'COMPLETED',
      // The engine's clock is a day ahead, and decides nothing.
      finishedAt: new Date(NOW.getTime() + 86_400_000),
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: ago(1_000) },
    }),
    observation: whole({ phase: 'succeeded' }),
    do: 'correct-tasks',
  },
  {
    reason: 'rule 8: to the last moment of the settling',
    run: aRun({
      state: 'COMPLETED',
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: ago(MINUTE) },
    }),
    observation: whole({ phase: 'succeeded' }),
    do: 'correct-tasks',
  },
  {
    reason: 'rule 8: a list has no tasks to correct',
    run: aRun({
      state: 'COMPLETED',
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: ago(1_000) },
    }),
    observation: seen({ phase: 'succeeded' }),
    do: 'nothing',
  },
  {
    reason: 'rule 8: and not after that',
    run: aRun({
      state: 'COMPLETED',
      finishedAt: NOW,
      observed: facts({ phase: 'succeeded' }),
      execution: { outcome: 'known', endedAt: ago(2 * MINUTE) },
    }),
    observation: whole({ phase: 'succeeded' }),
    do: 'nothing',
  },
  {
    reason: 'what surfaces after we gave it up is drift',
    run: aRun({
      state: 'CANCELLED',
      finishedAt: NOW,
      verdict: { state: 'CANCELLED', reason: '-' },
      execution: { outcome: 'unknown' },
    }),
    observation: whole(),
    do: 'drift',
  },
  {
    reason: 'what we gave up is there, whenever it was asked for',
    run: aRun({
      state: 'CANCELLED',
      verdict: { state: 'CANCELLED', reason: '-' },
      execution: { outcome: 'unknown', endedAt: NOW },
    }),
    observation: whole(),
    ctx: { at: ago(1) },
    do: 'drift',
  },
];

describe('decide, after the end', () => {
  test.each(rows)('$reason: $do', expectDecision);

  test.each([
    {
      reason: 'the engine runs again after its own end',
      run: aRun({ state: 'COMPLETED', observed: facts({ phase: 'succeeded' }), execution: { outcome: 'known' } }),
      drift: { kind: 'state', detail: 'the run is COMPLETED, the engine says running' },
    },
    {
      reason: 'what we gave up has arrived',
      run: aRun({
        state: 'CANCELLED',
        verdict: { state: 'CANCELLED', reason: '-' },
        execution: { outcome: 'unknown' },
      }),
      drift: { kind: 'late-execution', detail: 'found running at 2026-01-01T12:00:00.000Z' },
    },
  ])('drift says its kind and what was seen: $reason', ({ run, drift }) => {
    expect(decide(run, whole(), CONTEXT)).toMatchObject({ do: 'drift', ...drift });
  });
});
