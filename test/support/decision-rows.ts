/** Records and observations for the tables of `decide`, and how one of their rows is checked. */
import { expect } from '@jest/globals';
import type { Observation, PresentExecution } from '../../adapters/spi/facts.js';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { decide, type Decision, type ObservationContext } from '../../src/reconcile/decide.js';
import { ago, aRun, facts, NOW } from './run-records.js';

export const KEY = 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g1';
export const MINUTE = 60_000;

/** What a list shows of an execution that runs. */
export function seen(changes: Partial<PresentExecution> = {}): PresentExecution {
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

/** The same with its tasks. */
export const whole = (changes: Partial<PresentExecution> = {}): PresentExecution => seen({ taskRuns: [], ...changes });

/** A run the engine is known to execute, seen a second ago. */
export function running(changes: Parameters<typeof aRun>[0] = {}): RunRecord {
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

export interface DecisionRow {
  reason: string;
  run: RunRecord;
  observation: Observation;
  ctx?: Partial<ObservationContext>;
  do: Decision['do'];
  /** Which rule decided, where more than one could have. */
  why?: string;
  unknownWord?: string;
  record?: Partial<Omit<RunRecord, 'execution'>> & { execution?: Partial<RunRecord['execution']> };
}

export const CONTEXT: ObservationContext = {
  ticket: 11,
  at: NOW,
  source: 'reconciler',
  pass: false,
  driving: false,
  epoch: 'e1',
  engineMissingGraceMs: 5 * MINUTE,
  stuckAfterMs: 10 * MINUTE,
  taskRefreshIntervalMs: 30_000,
  taskSettleMs: 60_000,
};

export const absent: Observation = { presence: 'absent', key: KEY };

export function expectDecision(row: DecisionRow): void {
  const decision = decide(row.run, row.observation, { ...CONTEXT, ...row.ctx });
  expect(decision.do).toBe(row.do);
  expect(decision.why).toMatch(/\w/);
  if (row.why !== undefined) expect(decision.why).toBe(row.why);
  expect('unknownWord' in decision ? decision.unknownWord : undefined).toBe(row.unknownWord);
  if (row.record) expect(decision).toMatchObject({ record: row.record });
}
