import { describe, expect, test } from '@jest/globals';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import type { LifecycleRequestType } from './lifecycle-event.js';
import type { Execution, RunRecord } from './run-record.js';
import { TOMBSTONE_MS, withRequest } from './with-request.js';

const known = { outcome: 'known', externalId: 'x', engineUid: 'u', engineEpoch: 'e1' } as const;
const missing = { class: 'engine', code: 'engine-run-missing', message: '-' } as const;

interface Row {
  reason: string;
  run: RunRecord;
  type: LifecycleRequestType;
  retryKind?: 'in-place' | 'new-execution' | 'none';
  after: Partial<Omit<RunRecord, 'execution'>> & { execution?: Partial<Execution> };
}

const rows: Row[] = [
  {
    reason: 'every request ends the back-off',
    run: aRun({
      failures: 5,
      nextActionAt: new Date(NOW.getTime() + 60_000),
      lastError: { code: 'engine-timeout', message: '-', at: '-' },
    }),
    type: 'CANCEL',
    after: { desired: 'cancelled', desiredAt: NOW, nextActionAt: NOW, failures: 0, lastError: null },
  },
  { reason: 'a pause is a wish', run: aRun(), type: 'PAUSE', after: { desired: 'paused' } },
  {
    reason: 'a pause after a resume is sent, whatever came of the pause before it',
    run: aRun({ state: 'RUNNING', observed: facts(), execution: { ...known, pauseSent: true } }),
    type: 'PAUSE',
    after: { desired: 'paused', execution: { pauseSent: false } },
  },
  {
    reason: 'a resume before the first call has nothing to take back',
    run: aRun({ state: 'PAUSED', desired: 'paused' }),
    type: 'RESUME',
    after: { desired: 'run', execution: { pauseSent: false } },
  },
  {
    reason: 'a resume of a run that the engine holds by itself is sent to it',
    run: aRun({ state: 'PAUSED', observed: facts({ phase: 'paused' }), observedAt: ago(60_000), execution: known }),
    type: 'RESUME',
    after: { desired: 'run', execution: { pauseSent: true } },
  },
  {
    reason: 'a resume while the pause is under way, or its answer lost, is sent to the engine',
    run: aRun({ state: 'RUNNING', desired: 'paused', observed: facts(), execution: known }),
    type: 'RESUME',
    after: { desired: 'run', execution: { pauseSent: true } },
  },
  {
    reason: 'a resume of a run that nobody holds sends nothing',
    run: aRun({ state: 'RUNNING', observed: facts(), execution: known }),
    type: 'RESUME',
    after: { desired: 'run', execution: { pauseSent: false } },
  },
  {
    reason: 'a retry in place keeps key and identity, and forgets what was observed and sent',
    run: aRun({
      state: 'FAILED',
      observed: facts({ phase: 'failed' }),
      execution: { ...known, baseline: '1', cancelSentAt: NOW, cancelMode: 'force', pauseSent: true, lookups: 3 },
    }),
    type: 'RETRY',
    after: {
      generation: 2,
      desired: 'run',
      observed: null,
      execution: {
        ...known,
        generation: 2,
        key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g1',
        verb: 'retry',
        outcome: 'none',
        baseline: null,
        cancelSentAt: null,
        cancelMode: null,
        pauseSent: false,
        lookups: 0,
      },
    },
  },
  {
    reason: 'an engine that makes new executions gets a key of its own for each',
    run: aRun({ state: 'FAILED', observed: facts({ phase: 'failed' }), execution: known }),
    type: 'RETRY',
    retryKind: 'new-execution',
    after: {
      execution: { verb: 'submit', key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g2', externalId: null, engineEpoch: null },
    },
  },
  {
    reason: 'what never reached the engine is submitted',
    run: aRun({ state: 'CANCELLED', desired: 'cancelled' }),
    type: 'RETRY',
    after: { execution: { verb: 'submit', key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g2' } },
  },
  {
    reason: 'what the engine lost is submitted',
    run: aRun({ state: 'FAILED', verdict: { state: 'FAILED', failure: missing }, execution: known }),
    type: 'RETRY',
    after: { verdict: null, execution: { verb: 'submit', key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g2' } },
  },
  {
    reason: 'what was given up and arrived after all will be cancelled under its key: the retry has another one',
    run: aRun({
      state: 'CANCELLED',
      desired: 'cancelled',
      verdict: { state: 'CANCELLED', reason: 'never-seen-on-engine' },
      execution: { ...known, tombstoneUntil: new Date(NOW.getTime() + 1) },
    }),
    type: 'RETRY',
    after: { execution: { verb: 'submit', key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g2', tombstoneUntil: null } },
  },
  {
    reason: 'rule 5: what an unknown call may still do is waited for',
    run: aRun({ state: 'FAILED', execution: { outcome: 'unknown', attemptedAt: ago(5_000) } }),
    type: 'RETRY',
    after: {
      lastError: {
        code: 'settling',
        message: 'The call of the generation before may still arrive.',
        at: ago(5_000).toISOString(),
      },
    },
  },
  {
    reason: 'rule 5: also where a repeat was refused and the attempt before it is the unknown one',
    run: aRun({
      state: 'FAILED',
      execution: { outcome: 'refused', attemptedAt: ago(5_000), tombstoneUntil: new Date(NOW.getTime() + 1) },
    }),
    type: 'RETRY',
    after: {
      lastError: {
        code: 'settling',
        message: 'The call of the generation before may still arrive.',
        at: ago(5_000).toISOString(),
      },
    },
  },
  {
    reason: 'rule 5: a call that was not answered when its process died may arrive, too',
    run: aRun({ state: 'FAILED', execution: { outcome: 'in_flight', attemptedAt: ago(5_000) } }),
    type: 'RETRY',
    after: { lastError: { code: 'settling', message: expect.any(String) as never, at: ago(5_000).toISOString() } },
  },
  {
    reason: 'rule 5: what the engine answered is over, nothing of it is waited for',
    run: aRun({
      state: 'FAILED',
      observed: facts({ phase: 'failed' }),
      lastError: { code: 'settling', message: '-', at: '-' },
      execution: { ...known, attemptedAt: ago(5_000) },
    }),
    type: 'RETRY',
    after: { lastError: null },
  },
  {
    reason: 'rule 5: what was never called has nothing to wait for',
    run: aRun({ state: 'CANCELLED', execution: { outcome: 'unknown' } }),
    type: 'RETRY',
    after: { lastError: null },
  },
  {
    reason: 'rule 5: a cancel that may still arrive would stop the same object',
    run: aRun({
      state: 'CANCELLED',
      observed: facts({ phase: 'failed' }),
      execution: { ...known, cancelSentAt: ago(5_000), attemptedAt: ago(60_000), endedAt: ago(3_000) },
    }),
    type: 'RETRY',
    after: {
      lastError: {
        code: 'settling',
        message: 'The call of the generation before may still arrive.',
        at: ago(3_000).toISOString(),
      },
    },
  },
  {
    reason: 'rule 5: it stops nothing under another key',
    run: aRun({
      state: 'CANCELLED',
      observed: facts({ phase: 'failed' }),
      execution: { ...known, cancelSentAt: ago(5_000), attemptedAt: ago(60_000) },
    }),
    type: 'RETRY',
    retryKind: 'new-execution',
    after: { lastError: null },
  },
  {
    reason: 'rule 5: one that arrived is over',
    run: aRun({
      state: 'CANCELLED',
      observed: facts({ phase: 'failed' }),
      execution: { ...known, cancelSentAt: ago(5_000), cancelMode: 'graceful', attemptedAt: ago(60_000) },
    }),
    type: 'RETRY',
    after: { lastError: null },
  },
  {
    reason: 'a retry forgets when the generation before was submitted and seen',
    run: aRun({
      state: 'FAILED',
      submittedAt: ago(60_000),
      observedAt: ago(5_000),
      tasksObservedAt: ago(5_000),
      execution: known,
    }),
    type: 'RETRY',
    after: { submittedAt: null, observedAt: null, tasksObservedAt: null },
  },
  {
    reason: 'a retry forgets the absences and errors of the generation before',
    run: aRun({
      state: 'FAILED',
      absentSince: ago(5_000),
      absences: 2,
      readError: { code: 'unread', message: '-', at: '-' },
      execution: {
        ...known,
        firstAttemptedAt: ago(9_000),
        attemptedAt: ago(9_000),
        absentSince: ago(5_000),
        endedAt: ago(1_000),
        tombstoneUntil: NOW,
      },
    }),
    type: 'RETRY',
    after: {
      generation: 2,
      absentSince: null,
      absences: 0,
      readError: null,
      execution: {
        firstAttemptedAt: null,
        attemptedAt: null,
        absentSince: null,
        pauseSent: false,
        endedAt: null,
        tombstoneUntil: null,
      },
    },
  },
  {
    reason: 'rule 5: a pause in between does not shorten it',
    run: aRun({ generation: 2, lastError: { code: 'settling', message: '-', at: ago(5_000).toISOString() } }),
    type: 'PAUSE',
    after: { lastError: { code: 'settling', message: '-', at: ago(5_000).toISOString() } },
  },
];

describe('withRequest', () => {
  test.each(rows)('$reason ($type)', ({ run, type, retryKind = 'in-place', after }) => {
    expect(withRequest(run, type, retryKind)).toMatchObject(after);
  });

  test('a late arrival is looked for during a day', () => {
    expect(TOMBSTONE_MS).toBe(86_400_000);
  });

  test('a request that it does not know is a mistake of ours, never a record', () => {
    expect(() => withRequest(aRun(), 'MELT' as never, 'none')).toThrow('lifecycle request: unhandled "MELT"');
  });

  test('a retry of one task carries it', () => {
    const run = aRun({ state: 'FAILED', execution: known });
    expect(withRequest(run, 'RETRY', 'in-place', { task: 'b' }).retryTask).toEqual({ task: 'b' });
  });
});
