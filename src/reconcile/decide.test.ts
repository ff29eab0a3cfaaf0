import { describe, expect, test } from '@jest/globals';
import type { Observation, PresentExecution } from '../../adapters/spi/facts.js';
import { ago, aRun, facts, NOW } from '../../test/support/run-records.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { decide, type Decision, type ObservationContext } from './decide.js';

const KEY = 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g1';
const MINUTE = 60_000;

function seen(changes: Partial<PresentExecution> = {}): PresentExecution {
  return {
    presence: 'present',
    key: KEY,
    externalId: 'x1',
    phase: 'running',
    engineState: 'running',
    stopEvidence: false,
    ...changes,
  };
}

const whole = (changes: Partial<PresentExecution> = {}): PresentExecution => seen({ taskRuns: [], ...changes });

/** A run the engine is known to execute, seen a second ago. */
function running(changes: Parameters<typeof aRun>[0] = {}): RunRecord {
  return aRun({
    state: 'RUNNING',
    observed: facts(),
    observedAt: ago(1_000),
    tasksObservedAt: ago(1_000),
    submittedAt: ago(50_000),
    ...changes,
    execution: { outcome: 'known', externalId: 'x1', engineEpoch: 'e1', ...changes.execution },
  });
}

interface Row {
  reason: string;
  run: RunRecord;
  observation: Observation;
  ctx?: Partial<ObservationContext>;
  do: Decision['do'];
  record?: Partial<RunRecord>;
}

const absent: Observation = { presence: 'absent', key: KEY };

const rows: Row[] = [
  {
    reason: 'rule 6: an observation asked for before the last applied one is dropped',
    run: running({ observedTicket: 20 }),
    observation: whole({ phase: 'scheduled' }),
    ctx: { ticket: 20 },
    do: 'nothing',
  },
  { reason: 'what is as stored costs no write', run: running(), observation: seen(), do: 'nothing' },
  {
    reason: 'a change in a list calls for the tasks',
    run: running(),
    observation: seen({ phase: 'paused' }),
    do: 'observe-whole',
  },
  {
    reason: 'old task facts call for the tasks',
    run: running({ tasksObservedAt: ago(MINUTE) }),
    observation: seen(),
    do: 'observe-whole',
  },
  {
    reason: 'rule 8: a final phase from a list is not final before the tasks were read',
    run: running(),
    observation: seen({ phase: 'succeeded' }),
    do: 'observe-whole',
  },
  {
    reason: 'rule 8: with the tasks it is',
    run: running(),
    observation: whole({ phase: 'succeeded' }),
    do: 'store',
    record: { state: 'COMPLETED' },
  },
  {
    reason: 'rule 10: an unknown word keeps the last phase',
    run: running(),
    observation: whole({ phase: undefined as never, engineState: 'brand_new' }),
    do: 'store',
    record: { state: 'RUNNING' },
  },
  {
    reason: 'a list that shows a run we did not know to be accepted makes it known',
    run: aRun({ execution: { outcome: 'in_flight' } }),
    observation: whole(),
    do: 'store',
    record: { state: 'RUNNING' },
  },
  {
    reason: 'rule 7: one absence is no verdict',
    run: running(),
    observation: absent,
    ctx: { pass: true },
    do: 'store',
    record: { state: 'RUNNING', absences: 1, stateReason: 'engine-run-absent' },
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
    record: { state: 'FAILED' },
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
    record: { state: 'RUNNING', stateReason: 'engine-suspect' },
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
  },
  {
    reason: 'rule 4: a list that names no baseline goes on telling about a retry that was seen',
    run: running({ generation: 2, execution: { verb: 'retry', baseline: 'round 1' } }),
    observation: seen(),
    do: 'nothing',
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
  {
    reason: 'rule 4: before a baseline is stored nothing belongs to the new generation',
    run: aRun({ state: 'RETRYING', generation: 2, execution: { verb: 'retry' } }),
    observation: whole({ phase: 'failed', baseline: 'round 1' }),
    do: 'nothing',
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
    reason: 'a pass does not read tasks for their age alone',
    run: running({ tasksObservedAt: ago(MINUTE) }),
    observation: seen(),
    ctx: { taskRefreshIntervalMs: null },
    do: 'nothing',
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
    reason: 'F36: what the engine holds for longer than STUCK_AFTER is said to be stuck, and keeps its state',
    run: running({
      state: 'SCHEDULED',
      observed: facts({ phase: 'scheduled', phaseSince: ago(11 * MINUTE).toISOString() }),
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
];

describe('decide', () => {
  test.each(rows)('$reason: $do', (row) => {
    const decision = decide(row.run, row.observation, {
      ticket: 11,
      at: NOW,
      source: 'reconciler',
      pass: false,
      epoch: 'e1',
      engineMissingGraceMs: 5 * MINUTE,
      stuckAfterMs: 10 * MINUTE,
      taskRefreshIntervalMs: 30_000,
      taskSettleMs: 60_000,
      ...row.ctx,
    });
    expect(decision.do).toBe(row.do);
    if (row.record) expect(decision).toMatchObject({ record: row.record });
  });

  test('an unknown word is reported for counting', () => {
    const observation = whole({ engineState: 'brand_new' });
    delete observation.phase;
    const decision = decide(running(), observation, {
      ticket: 11,
      at: NOW,
      source: 'reconciler',
      pass: true,
      epoch: 'e1',
      engineMissingGraceMs: 1,
      stuckAfterMs: 1,
      taskRefreshIntervalMs: 1,
      taskSettleMs: 1,
    });
    expect(decision).toMatchObject({ unknownWord: 'brand_new' });
  });
});
