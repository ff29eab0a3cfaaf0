import { describe, test } from '@jest/globals';
import {
  absent,
  type DecisionRow,
  expectDecision,
  KEY,
  MINUTE,
  running,
  whole,
} from '../../test/support/decision-rows.js';
import { ago, aRun, NOW } from '../../test/support/run-records.js';

const rows: DecisionRow[] = [
  {
    reason: 'rule 7: one absence is no verdict',
    run: running(),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: {
      state: 'RUNNING',
      absences: 1,
      absentSince: NOW,
      observedTicket: 11,
      stateReason: 'engine-run-absent',
      lastError: {
        code: 'engine-run-absent',
        message: 'The engine does not have this execution.',
        at: NOW.toISOString(),
      },
    },
  },
  {
    reason: 'rule 7: nor are two, however long ago the first was',
    run: running({ absences: 1, absentSince: ago(10 * MINUTE) }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'RUNNING', absences: 2, absentSince: ago(10 * MINUTE) },
  },
  {
    reason: 'rule 7: the grace ends with its last moment',
    run: running({ absences: 2, absentSince: ago(5 * MINUTE) }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'FAILED' },
  },
  {
    reason: 'an engine that answers that it has none can be read again',
    run: running({ readError: { code: 'unread', message: '-', at: '-' } }),
    observation: absent,
    do: 'store',
    why: 'absent, not yet a verdict',
    record: { readError: null },
  },
  {
    reason: 'what is not known to have arrived cannot be missed',
    run: aRun({ execution: { outcome: 'unknown' } }),
    observation: absent,
    ctx: { pass: true },
    do: 'nothing',
    why: 'the engine is not known to have had it',
  },
  {
    reason: 'rule 7: an absence seen on read does not count',
    run: running({ absences: 2, absentSince: ago(10 * MINUTE) }),
    observation: absent,
    do: 'store',
    record: { state: 'RUNNING', absences: 2 },
  },
  {
    reason: 'rule 7: repeated, past the grace, on an unchanged engine: missing',
    run: running({ absences: 2, absentSince: ago(10 * MINUTE) }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    why: 'missing long enough on an unchanged engine',
    record: {
      state: 'FAILED',
      absences: 3,
      failure: {
        class: 'engine',
        code: 'engine-run-missing',
        message: 'The engine has not had this execution since 2026-01-01T11:50:00.000Z.',
      },
    },
  },
  {
    reason: 'rule 7: not within the grace, however often',
    run: running({ absences: 50, absentSince: ago(MINUTE) }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'RUNNING', absences: 51 },
  },
  {
    reason: 'rule 7: an engine whose memory was exchanged proves nothing',
    run: running({ absences: 50, absentSince: ago(10 * MINUTE) }),
    observation: absent,
    ctx: { pass: true, epoch: 'e2' },
    do: 'store',
    record: {
      state: 'RUNNING',
      lastError: {
        code: 'engine-suspect',
        message: 'The memory of the engine is in doubt.',
        at: NOW.toISOString(),
      },
    },
  },
  {
    reason: 'rule 7: an engine whose epoch could not be read proves nothing',
    run: running({ absences: 50, absentSince: ago(10 * MINUTE) }),
    observation: absent,
    ctx: { pass: true, epoch: undefined },
    do: 'store',
    record: { state: 'RUNNING', stateReason: 'engine-suspect' },
  },
  {
    reason: 'rule 7: two epochs that nobody knows are not the same memory',
    run: running({ absences: 50, absentSince: ago(10 * MINUTE), execution: { engineEpoch: null } }),
    observation: absent,
    ctx: { pass: true, epoch: undefined },
    do: 'store',
    record: { state: 'RUNNING', stateReason: 'engine-suspect' },
  },
  {
    reason: 'unreachable is not gone: the facts stay, the cause is shown',
    run: running(),
    observation: { presence: 'unread', key: KEY, reason: 'connection refused' },
    do: 'store',
    record: {
      state: 'RUNNING',
      absences: 0,
      readError: { code: 'unread', message: 'connection refused', at: NOW.toISOString() },
    },
  },
  {
    reason: 'the same cause is not written again',
    run: running({ readError: { code: 'unread', message: 'connection refused', at: '-' } }),
    observation: { presence: 'unread', key: KEY, reason: 'connection refused' },
    do: 'nothing',
  },
  {
    reason: 'a sight heals absences and errors',
    run: running({
      absences: 2,
      absentSince: ago(MINUTE),
      lastError: { code: 'engine-run-absent', message: '-', at: '-' },
    }),
    observation: whole(),
    do: 'store',
    record: { absences: 0, absentSince: null, lastError: null },
  },
  {
    reason: 'I11: what was to be restarted and is gone is missing like any other, after the grace',
    run: aRun({
      state: 'RETRYING',
      generation: 2,
      absences: 2,
      absentSince: ago(10 * MINUTE),
      execution: { verb: 'retry', engineEpoch: 'e1' },
    }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'FAILED' },
  },
  {
    reason: 'an overdue cancel stays said while its execution is not found',
    run: running({
      state: 'CANCELLING',
      desired: 'cancelled',
      lastError: { code: 'cancel-overdue', message: '-', at: '-' },
    }),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'CANCELLING', stateReason: 'cancel-overdue' },
  },
  {
    reason: 'what could not be read ends no error that was shown',
    run: running({ lastError: { code: 'engine-timeout', message: '-', at: '-' } }),
    observation: { presence: 'unread', key: KEY, reason: 'connection refused' },
    do: 'store',
    record: { lastError: { code: 'engine-timeout', message: '-', at: '-' } },
  },
];

describe('decide, where nothing was seen', () => {
  test.each(rows)('$reason: $do', expectDecision);
});
