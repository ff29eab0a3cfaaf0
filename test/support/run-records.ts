import type { Execution, Observed, RunRecord } from '../../src/lifecycle/run-record.js';

/** The moment every table of pure rules takes as now. */
export const NOW = new Date('2026-01-01T12:00:00.000Z');

export function ago(ms: number): Date {
  return new Date(NOW.getTime() - ms);
}

export function anExecution(changes: Partial<Execution> = {}): Execution {
  return {
    generation: 1,
    key: 'sb-aaaaaaaaaaaaaaaaaaaaaaaaaa-g1',
    verb: 'submit',
    outcome: 'none',
    firstAttemptedAt: null,
    attemptedAt: null,
    absentSince: null,
    absentUntil: null,
    lookups: 0,
    externalId: null,
    engineUid: null,
    engineEpoch: null,
    baseline: null,
    cancelSentAt: null,
    cancelMode: null,
    pauseSent: false,
    endedAt: null,
    tombstoneUntil: null,
    ...changes,
  };
}

export function facts(changes: Partial<Observed> = {}): Observed {
  return {
    phase: 'running',
    phaseSince: ago(60_000).toISOString(),
    stateReason: null,
    failure: null,
    stopEvidence: false,
    baseline: null,
    liveTasks: 0,
    startedAt: null,
    finishedAt: null,
    outputs: null,
    ...changes,
  };
}

export function aRun(
  changes: Partial<Omit<RunRecord, 'execution'>> & { execution?: Partial<Execution> } = {},
): RunRecord {
  const { execution, ...run } = changes;
  return {
    id: 7,
    project: 'default',
    workflowId: 3,
    workflowTitle: 'etl',
    workflowVersion: 1,
    workflowReference: null,
    workflowEngine: 'local',
    registration: 'READY',
    token: 'aaaaaaaaaaaaaaaaaaaaaaaaaa',
    traceparent: null,
    state: 'PENDING',
    stateReason: null,
    failure: null,
    generation: 1,
    version: 0,
    eventSeq: 1,
    desired: 'run',
    desiredAt: ago(60_000),
    retryTask: null,
    observed: null,
    verdict: null,
    observedTicket: 10,
    observedAt: null,
    tasksObservedAt: null,
    absentSince: null,
    absences: 0,
    readError: null,
    outputs: null,
    engineUrl: null,
    nextActionAt: null,
    leaseToken: null,
    leaseUntil: null,
    failures: 0,
    lastError: null,
    watchedUntil: null,
    createdAt: ago(60_000),
    submittedAt: null,
    startedAt: null,
    finishedAt: null,
    readAt: NOW,
    ...run,
    execution: anExecution({ generation: run.generation ?? 1, ...execution }),
  };
}
