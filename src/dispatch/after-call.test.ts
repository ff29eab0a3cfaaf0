import { describe, expect, test } from '@jest/globals';
import { EngineError, ENGINE_ERROR_CODES } from '../../adapters/spi/engine-error.js';
import type { PresentExecution } from '../../adapters/spi/facts.js';
import { ago, aRun, NOW } from '../../test/support/run-records.js';
import type { Outcome, RunRecord } from '../lifecycle/run-record.js';
import { afterAccepted, afterBaseline, afterError, afterFind, retryInMs, type Patch } from './after-call.js';

const inFlight = { outcome: 'in_flight', attemptedAt: ago(1_000), firstAttemptedAt: ago(1_000) } as const;
const known = { outcome: 'known', externalId: 'x', attemptedAt: ago(1_000) } as const;
const calling = (changes: Partial<RunRecord['execution']> = {}): RunRecord =>
  aRun({ execution: { ...inFlight, ...changes } });

const LATER = new Date(NOW.getTime() + 24 * 3_600_000);

describe('afterError', () => {
  const rows: { reason: string; code: EngineError['code']; before: Outcome; patch: object }[] = [
    {
      reason: 'a first attempt that was not sent leaves no trace',
      code: 'unavailable',
      before: 'none',
      patch: {
        failures: 1,
        execution: { outcome: 'none', attemptedAt: null, firstAttemptedAt: null },
      },
    },
    {
      reason: 'a repeat that was not sent says nothing about the attempt before',
      code: 'unavailable',
      before: 'unknown',
      patch: { execution: { outcome: 'unknown', attemptedAt: inFlight.attemptedAt } },
    },
    {
      reason: 'nobody knows after a time-out',
      code: 'timeout',
      before: 'none',
      patch: { execution: { outcome: 'unknown' } },
    },
    {
      reason: 'a refusal of the first attempt is the end, and nothing is looked for',
      code: 'rejected',
      before: 'none',
      patch: {
        verdict: { state: 'FAILED' },
        execution: { outcome: 'refused', tombstoneUntil: null },
      },
    },
    {
      reason: 'a refusal of a repeat is the end, but the attempt before may still arrive',
      code: 'rejected',
      before: 'unknown',
      patch: {
        verdict: { state: 'FAILED' },
        execution: { outcome: 'refused', tombstoneUntil: LATER },
      },
    },
  ];
  test.each(rows)('$reason', ({ code, before, patch }) => {
    expect(afterError(calling(), new EngineError(code, '-'), before)).toMatchObject(patch);
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
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(new Set(waits).size).toBe(3);
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
    expect(after(retrying(), seen())).toMatchObject({ lastError: null, execution: { baseline: 'round 1' } });
  });

  test('rule 5: stragglers are waited for, and nothing is stored that would let the retry go', () => {
    const patch = after(retrying(), seen({ liveTasks: 2 }));
    expect(patch).toMatchObject({ lastError: { code: 'draining' } });
    expect(patch.execution).toBeUndefined();
  });

  test('rule 5: not longer than the grace', () => {
    const patch = after(retrying({ desiredAt: ago(60_000) }), seen({ liveTasks: 2 }));
    expect(patch).toMatchObject({ lastError: null, execution: { baseline: 'round 1' } });
  });

  test('rule 4: an execution that is active again is this generation; what was asked before this look is not', () => {
    const patch = after(retrying(), seen({ phase: 'running', baseline: 'round 2' }));
    expect(patch).toMatchObject({ observedTicket: 20, execution: { outcome: 'known', baseline: '' } });
  });
});

describe('afterFind', () => {
  test('a first absence is dated, a later one is not', () => {
    expect(afterFind(calling(), { outcome: 'absent' }).execution).toMatchObject({
      outcome: 'unknown',
      absentSince: NOW,
      lookups: 1,
    });
    const again = afterFind(calling({ absentSince: ago(5_000), lookups: 3 }), { outcome: 'absent' });
    expect(again.execution).toMatchObject({ absentSince: ago(5_000), lookups: 4 });
  });

  test('what was found is known, with its identity', () => {
    const patch = afterFind(calling({ absentSince: ago(1_000) }), {
      outcome: 'found',
      externalId: 'x',
      engineUid: 'u',
    });
    expect(patch.execution).toMatchObject({ outcome: 'known', externalId: 'x', engineUid: 'u', absentSince: null });
  });

  test('our key with other content is the end', () => {
    expect(afterFind(calling(), { outcome: 'conflict', message: 'theirs' })).toMatchObject({
      verdict: { failure: { code: 'engine-conflict', message: 'theirs' } },
      execution: { outcome: 'refused' },
    });
  });

  test('an absence asked for before the execution was seen takes nothing back', () => {
    expect(afterFind(aRun({ execution: known }), { outcome: 'absent' })).toEqual({});
  });
});

describe('afterAccepted', () => {
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
