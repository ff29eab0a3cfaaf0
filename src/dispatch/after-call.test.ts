import { describe, expect, test } from '@jest/globals';
import { EngineError, ENGINE_ERROR_CODES } from '../../adapters/spi/engine-error.js';
import type { PresentExecution } from '../../adapters/spi/facts.js';
import { ago, anExecution, aRun, facts, NOW } from '../../test/support/run-records.js';
import type { Outcome, RunRecord } from '../lifecycle/run-record.js';
import {
  afterAccepted,
  afterBaseline,
  afterError,
  afterFind,
  afterNothingToRetry,
  afterUnseenRetry,
  retryInMs,
  type Patch,
} from './after-call.js';

const inFlight = { outcome: 'in_flight', attemptedAt: ago(1_000), firstAttemptedAt: ago(1_000) } as const;
const known = { outcome: 'known', externalId: 'x', attemptedAt: ago(1_000) } as const;
/** The execution of `calling()`, whole: what a patch does not change has to be there still. */
const sent = anExecution({ ...inFlight, engineEpoch: 'e1' });
const calling = (changes: Partial<RunRecord['execution']> = {}): RunRecord =>
  aRun({ execution: { ...inFlight, engineEpoch: 'e1', ...changes } });

const LATER = new Date(NOW.getTime() + 24 * 3_600_000);

describe('afterError', () => {
  const rows: { reason: string; code: EngineError['code']; before: Outcome; patch: object }[] = [
    {
      reason: 'a first attempt that was not sent leaves no trace',
      code: 'unavailable',
      before: 'none',
      patch: {
        failures: 1,
        lastError: { code: 'engine-unavailable', message: 'the answer', at: NOW.toISOString() },
        execution: { ...sent, outcome: 'none', attemptedAt: null, firstAttemptedAt: null, engineEpoch: null },
      },
    },
    {
      reason: 'a repeat that was not sent says nothing about the attempt before',
      code: 'unavailable',
      before: 'unknown',
      patch: {
        failures: 1,
        lastError: { code: 'engine-unavailable', message: 'the answer', at: NOW.toISOString() },
        execution: { ...sent, outcome: 'unknown' },
      },
    },
    ...(['unauthorized', 'conflict', 'not-found'] as const).map((code) => ({
      reason: `an engine that answers ${code} has not taken the call`,
      code,
      before: 'none' as const,
      patch: {
        failures: 1,
        lastError: { code: `engine-${code}`, message: 'the answer', at: NOW.toISOString() },
        execution: { ...sent, outcome: 'none', attemptedAt: null, firstAttemptedAt: null, engineEpoch: null },
      },
    })),
    {
      reason: 'nobody knows after a time-out',
      code: 'timeout',
      before: 'none',
      patch: {
        lastError: { code: 'engine-timeout', message: 'the answer', at: NOW.toISOString() },
        execution: { ...sent, outcome: 'unknown' },
      },
    },
    {
      reason: 'nor after an answer that nobody understands',
      code: 'unknown',
      before: 'none',
      patch: {
        lastError: { code: 'engine-unknown', message: 'the answer', at: NOW.toISOString() },
        execution: { ...sent, outcome: 'unknown' },
      },
    },
    {
      reason: 'a refusal of the first attempt is the end, and nothing is looked for',
      code: 'rejected',
      before: 'none',
      patch: {
        verdict: {
          state: 'FAILED',
          failure: { class: 'user', code: 'engine-rejected', message: 'the answer' },
        },
        execution: { ...sent, outcome: 'refused', tombstoneUntil: null },
      },
    },
    {
      reason: 'what the engine cannot do is a refusal',
      code: 'unsupported',
      before: 'none',
      patch: {
        verdict: {
          state: 'FAILED',
          failure: { class: 'user', code: 'engine-unsupported', message: 'the answer' },
        },
        execution: { ...sent, outcome: 'refused', tombstoneUntil: null },
      },
    },
    {
      reason: 'a refusal of a repeat is the end, but the attempt before may still arrive',
      code: 'rejected',
      before: 'unknown',
      patch: {
        verdict: {
          state: 'FAILED',
          failure: { class: 'user', code: 'engine-rejected', message: 'the answer' },
        },
        execution: { ...sent, outcome: 'refused', tombstoneUntil: LATER },
      },
    },
  ];
  test.each(rows)('$reason', ({ code, before, patch }) => {
    expect(afterError(calling(), new EngineError(code, 'the answer'), before)).toEqual(patch);
  });

  test('a code that it does not know is a mistake of ours, never a patch', () => {
    const error = new EngineError('melted' as never, '-');
    expect(() => afterError(calling(), error, 'none')).toThrow('engine error code: unhandled "melted"');
  });

  test.each(ENGINE_ERROR_CODES)('%s takes nothing back from an execution that was seen meanwhile', (code) => {
    const run = aRun({ state: 'RUNNING', execution: known });
    expect(afterError(run, new EngineError(code, '-'), 'none')).toEqual({});
  });
});

describe('retryInMs', () => {
  test('the engine says how long to stay away', () => {
    expect(retryInMs(calling(), new EngineError('unavailable', '-', { retryAfterSeconds: 30 }))).toBe(30_000);
  });

  test('without its word every failure waits longer', () => {
    const waits = [0, 1, 2].map((failures) => retryInMs({ ...calling(), failures }, new EngineError('timeout', '-')));
    expect(waits).toEqual([500, 1_000, 2_000]);
  });
});

describe('afterBaseline', () => {
  const retrying = (changes: Partial<RunRecord> = {}): RunRecord =>
    aRun({
      state: 'RETRYING',
      generation: 2,
      desiredAt: ago(1_000),
      ...changes,
      execution: { verb: 'retry', externalId: 'x' },
    });
  const seen = (changes: Partial<PresentExecution> = {}): PresentExecution => ({
    presence: 'present',
    key: 'k',
    externalId: 'x',
    phase: 'failed',
    engineState: 'failed',
    stopEvidence: false,
    baseline: 'round 1',
    ...changes,
  });
  const after = (run: RunRecord, facts: PresentExecution): Patch => afterBaseline(run, facts, 20, 60_000);

  test('what the retry has to change is stored', () => {
    const { execution } = retrying();
    expect(after(retrying(), seen())).toEqual({
      failures: 0,
      lastError: null,
      execution: { ...execution, baseline: 'round 1' },
    });
  });

  test.each<{ reason: string; execution: Partial<RunRecord['execution']> }>([
    { reason: 'the retry was sent', execution: { outcome: 'in_flight', baseline: 'round 0' } },
    { reason: 'it was taken', execution: { outcome: 'known', baseline: 'round 0' } },
    { reason: 'its baseline was stored', execution: { baseline: 'round 0' } },
  ])('a look says nothing any more when $reason meanwhile', ({ execution }) => {
    const run = retrying();
    expect(after({ ...run, execution: { ...run.execution, ...execution } }, seen())).toEqual({});
  });

  test('a stop that goes on is waited for: the retry would be taken for what it undoes', () => {
    const stopping = seen({ phase: 'running', stopEvidence: true });
    expect(after(retrying(), stopping)).toEqual({
      failures: 0,
      lastError: { code: 'draining', message: 'the engine is still stopping the run', at: NOW.toISOString() },
    });
    expect(after(retrying({ desiredAt: ago(60_000) }), stopping)).toMatchObject({ execution: { outcome: 'known' } });
  });

  test('a word that nobody knows, without baseline and tasks, is no execution that is active again', () => {
    const unclear = seen();
    delete unclear.phase;
    delete unclear.baseline;
    expect(after(retrying(), unclear)).toMatchObject({
      lastError: null,
      execution: { outcome: 'none', baseline: null },
    });
  });

  test('rule 5: stragglers are waited for, and nothing is stored that would let the retry go', () => {
    const patch = after(retrying(), seen({ liveTasks: 2 }));
    expect(patch).toEqual({
      failures: 0,
      lastError: { code: 'draining', message: '2 tasks are still alive', at: NOW.toISOString() },
    });
  });

  test('rule 5: not longer than the grace', () => {
    const patch = after(retrying({ desiredAt: ago(60_000) }), seen({ liveTasks: 2 }));
    expect(patch).toMatchObject({ lastError: null, execution: { baseline: 'round 1' } });
  });

  test('rule 4: an execution that is active again is this generation; what was asked before this look is not', () => {
    const patch = after(retrying(), seen({ phase: 'running', baseline: 'round 2' }));
    const { execution } = retrying();
    expect(patch).toMatchObject({
      lastError: null,
      observedTicket: 20,
      execution: { ...execution, outcome: 'known', baseline: '' },
    });
  });

  test('rule 4: a ticket that was applied since this look stays the newest', () => {
    expect(after(retrying({ observedTicket: 30 }), seen({ phase: 'running' }))).toMatchObject({ observedTicket: 30 });
  });
});

describe('afterFind', () => {
  test('the first absence is dated by its answer, the last one by its question', () => {
    expect(afterFind(calling(), { outcome: 'absent' }, ago(20))).toEqual({
      failures: 0,
      execution: { ...sent, outcome: 'unknown', absentSince: NOW, absentUntil: ago(20), lookups: 1 },
    });
    const before = { absentSince: ago(5_000), absentUntil: ago(3_000), lookups: 3 };
    const again = afterFind(calling(before), { outcome: 'absent' }, ago(20));
    expect(again.execution).toMatchObject({ absentSince: ago(5_000), absentUntil: ago(20), lookups: 4 });
  });

  test('what was found is known, with its identity', () => {
    const run = calling({ absentSince: ago(1_000), absentUntil: ago(900) });
    const patch = afterFind(run, { outcome: 'found', externalId: 'x', engineUid: 'u' }, ago(20));
    const found = { outcome: 'known', externalId: 'x', engineUid: 'u', absentSince: null, absentUntil: null };
    expect(patch.execution).toMatchObject(found);
  });

  test('our key with other content is the end', () => {
    expect(afterFind(calling(), { outcome: 'conflict', message: 'theirs' }, NOW)).toEqual({
      verdict: { state: 'FAILED', failure: { class: 'engine', code: 'engine-conflict', message: 'theirs' } },
      execution: { ...sent, outcome: 'refused' },
    });
  });

  test('an answer that it does not know is a mistake of ours, never a patch', () => {
    expect(() => afterFind(calling(), { outcome: 'melted' } as never, NOW)).toThrow(
      'find outcome: unhandled {"outcome":"melted"}',
    );
  });

  test('an absence asked for before the execution was seen takes nothing back', () => {
    expect(afterFind(aRun({ execution: known }), { outcome: 'absent' }, NOW)).toEqual({});
  });
});

describe('afterAccepted', () => {
  test('what the engine tells is stored', () => {
    const run = calling({ absentSince: ago(500) });
    const told = { outcome: 'accepted', externalId: 'x', engineUid: 'u', engineUrl: 'http://e/x' } as const;
    expect(afterAccepted(run, told)).toEqual({
      failures: 0,
      lastError: null,
      submittedAt: NOW,
      engineUrl: 'http://e/x',
      execution: { ...sent, outcome: 'known', externalId: 'x', engineUid: 'u' },
    });
  });

  test('our key with other content is the end of a submit, too', () => {
    expect(afterAccepted(calling(), { outcome: 'conflict', message: 'theirs' })).toMatchObject({
      verdict: { state: 'FAILED', failure: { code: 'engine-conflict' } },
      execution: { outcome: 'refused' },
    });
  });

  test('what the engine does not tell stays as it was', () => {
    const run = { ...calling({ externalId: 'x', engineUid: 'u' }), submittedAt: ago(9_000), engineUrl: 'http://e/x' };
    expect(afterAccepted(run, {})).toMatchObject({
      submittedAt: ago(9_000),
      engineUrl: 'http://e/x',
      execution: { outcome: 'known', externalId: 'x', engineUid: 'u' },
    });
  });

  test('errors that were shown are over', () => {
    const run = { ...calling(), failures: 3, lastError: { code: 'engine-timeout', message: '-', at: '-' } };
    expect(afterAccepted(run, { outcome: 'accepted', externalId: 'x' })).toMatchObject({
      failures: 0,
      lastError: null,
      submittedAt: NOW,
    });
  });
});

describe('what was seen on the engine while it was called', () => {
  const conflict = { outcome: 'conflict', message: 'another one has the key' } as const;

  test.each<{ reason: string; patch: Patch }>([
    { reason: 'a conflict of the submit', patch: afterAccepted(calling({ outcome: 'known' }), conflict) },
    { reason: 'a conflict of the look-up', patch: afterFind(calling({ outcome: 'known' }), conflict, NOW) },
    { reason: 'nothing to retry', patch: afterNothingToRetry(calling({ outcome: 'known' }), 'all done') },
    { reason: 'a baseline seen before', patch: afterUnseenRetry(calling({ outcome: 'known' }), NOW) },
    { reason: 'a baseline seen before facts', patch: afterUnseenRetry({ ...calling(), observed: facts() }, NOW) },
  ])('is not taken back: $reason', ({ patch }) => {
    expect(patch).toEqual({});
  });

  test('without it, nothing to retry is the end, and a baseline one more look in vain', () => {
    expect(afterNothingToRetry(calling(), 'all done')).toEqual({
      verdict: { state: 'FAILED', failure: { class: 'engine', code: 'nothing-to-retry', message: 'all done' } },
      execution: { ...sent, outcome: 'refused' },
    });
    expect(afterUnseenRetry(calling(), ago(10))).toEqual({
      execution: { ...sent, outcome: 'unknown', absentSince: NOW, absentUntil: ago(10), lookups: 1 },
    });
  });
});
