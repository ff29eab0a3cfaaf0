import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import { withRunStop } from './marks.js';
import { readRun, readRunOf, toExecution } from './to-run.js';

const STOPPED = withRunStop('what somebody wrote', new Date('2026-01-01T10:00:00Z'));

function aRun(changes: Record<string, Json> = {}): Record<string, Json> {
  return {
    dag_id: 'etl',
    dag_run_id: 'sb-x-g1',
    state: 'success',
    start_date: '2026-01-01T09:00:00Z',
    end_date: '2026-01-01T10:00:00.25Z',
    note: null,
    conf: {},
    ...changes,
  };
}

describe('the phase of a run', () => {
  const rows: [reason: string, changes: Record<string, Json>, phase: string | undefined, evidence: boolean][] = [
    ['accepted', { state: 'queued' }, 'scheduled', false],
    ['at work', { state: 'running' }, 'running', false],
    ['ended well', { state: 'success' }, 'succeeded', false],
    ['ended badly', { state: 'failed' }, 'failed', false],
    ['stopped by us: Airflow has no word for it', { state: 'failed', note: STOPPED }, 'cancelled', true],
    ['stopped by us, still at work', { state: 'running', note: STOPPED }, 'running', true],
    ['stopped by us and called success by the scheduler', { state: 'success', note: STOPPED }, 'cancelled', true],
    [
      'had ended before the stop',
      { state: 'success', end_date: '2026-01-01T09:59:59Z', note: STOPPED },
      'succeeded',
      true,
    ],
    ['a word nobody knows', { state: 'brand_new' }, undefined, false],
    ['a word that every object has', { state: 'constructor' }, undefined, false],
  ];
  test.each(rows)('%s', (_reason, changes, phase, stopEvidence) => {
    const facts = toExecution(readRun(aRun(changes)), 'sb-x-g1', 'url');
    expect([facts.phase, facts.stopEvidence, facts.engineState]).toEqual([phase, stopEvidence, changes['state']]);
  });
});

describe('the baseline', () => {
  const NEVER_BEGUN = { state: 'failed', start_date: null };
  const rows: [reason: string, before: Record<string, Json>, after: Record<string, Json>, isSame: boolean][] = [
    ['cleared', {}, { state: 'queued', start_date: null, end_date: null }, false],
    ['at work again', {}, { state: 'running', start_date: '2026-01-01T11:00:00Z', end_date: null }, false],
    ['ended again', {}, { start_date: '2026-01-01T11:00:00Z', end_date: '2026-01-01T11:00:01Z' }, false],
    ['not touched', {}, {}, true],
    [
      'stopped, and its end written once more by the scheduler (apache/airflow#57061)',
      { state: 'failed', note: STOPPED },
      { state: 'success', note: STOPPED, end_date: '2026-01-01T10:00:10Z' },
      true,
    ],
    ['never begun, cleared', NEVER_BEGUN, { state: 'queued', start_date: null, end_date: null }, false],
    ['never begun, at work after a clear', NEVER_BEGUN, { state: 'running', end_date: null }, false],
  ];
  test.each(rows)('%s', (_reason, before, after, isSame) => {
    expect(readRun(aRun(before)).baseline === readRun(aRun(after)).baseline).toBe(isSame);
  });
});

test('an answer about another run is no answer', () => {
  expect(() => readRunOf(aRun(), 'etl', 'sb-y-g1')).toThrow(expect.objectContaining({ code: 'unknown' }));
  expect(() => readRunOf(aRun(), 'other', 'sb-x-g1')).toThrow(expect.objectContaining({ code: 'unknown' }));
});
