import { describe, test } from '@jest/globals';
import { type DecisionRow, expectDecision, running, seen, whole } from '../../test/support/decision-rows.js';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';

const rows: DecisionRow[] = [
  {
    reason: 'rule 4: what equals the baseline is not the retry',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'nothing',
  },
  {
    reason: 'rule 4: what differs from the baseline is',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: whole({ baseline: 'round 2' }),
    do: 'store',
    record: { state: 'RUNNING' },
  },
  {
    reason: 'F55: an engine that shows the generation before once more, after the retry was seen, changes nothing',
    run: aRun({
      state: 'RUNNING',
      generation: 2,
      observed: facts({ baseline: 'round 2' }),
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'nothing',
  },
  {
    reason: 'rule 4: a list that names no baseline tells nothing about a retry that was not seen',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: seen({ phase: 'failed' }),
    do: 'observe-whole',
    why: 'a list cannot tell to which generation this belongs',
  },
  {
    reason: 'rule 4: a list that names no baseline goes on telling about a retry that was seen',
    run: running({ generation: 2, execution: { verb: 'retry', baseline: 'round 1' } }),
    observation: seen(),
    do: 'nothing',
  },
  {
    reason: 'rule 4: nor does a list before that',
    run: aRun({ state: 'RETRYING', generation: 2, execution: { verb: 'retry' } }),
    observation: seen({ phase: 'failed' }),
    do: 'nothing',
    why: 'the retry is not yet visible on the engine',
  },
  {
    reason: 'the generation before shows that the engine can be read again',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      readError: { code: 'unread', message: '-', at: '-' },
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'store',
    why: 'the engine answers again',
    record: { state: 'RETRYING', readError: null, observed: null, observedTicket: 11, observedAt: NOW },
  },
  {
    reason: 'the generation before shows that the object is not gone',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      absentSince: ago(1_000),
      absences: 1,
      execution: { outcome: 'known', verb: 'retry', baseline: 'round 1' },
    }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'store',
    why: 'the engine answers again',
    record: { state: 'RETRYING', absentSince: null, absences: 0 },
  },
  {
    reason: 'rule 4: before a baseline is stored nothing belongs to the new generation',
    run: aRun({ state: 'RETRYING', generation: 2, execution: { verb: 'retry' } }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'nothing',
  },
];

describe('decide, on a retry in place', () => {
  test.each(rows)('$reason: $do', expectDecision);
});
