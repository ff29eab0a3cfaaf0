/** A workflow run as the lifecycle sees it: wish, execution and facts apart; `state` is their fold. */
import type { Json } from '../../definition/definition-types.js';
import type { Failure, RunPhase } from '../../adapters/spi/facts.js';
import type { RunState } from './run-state.js';

export const DESIRED = ['run', 'paused', 'cancelled'] as const;
export type Desired = (typeof DESIRED)[number];

export const OUTCOMES = ['none', 'in_flight', 'unknown', 'known', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What we did to the engine in one generation. */
export interface Execution {
  generation: number;
  /** `sb-` + token + `-g` + the generation that submitted: a retry in place keeps the submit's key. */
  key: string;
  verb: 'submit' | 'retry';
  outcome: Outcome;
  firstAttemptedAt: Date | null;
  attemptedAt: Date | null;
  /** First positive absence of the key since the outcome became unknown. */
  absentSince: Date | null;
  /** When the last look that did not find it began. */
  absentUntil: Date | null;
  lookups: number;
  externalId: string | null;
  engineUid: string | null;
  engineEpoch: string | null;
  /** What the retry verb has to change; an observation that equals it belongs to the generation before. */
  baseline: string | null;
  cancelSentAt: Date | null;
  cancelMode: 'graceful' | 'force' | null;
  pauseSent: boolean;
  endedAt: Date | null;
  tombstoneUntil: Date | null;
}

/** Facts of the current generation; null until the first observation that belongs to it. */
export interface Observed {
  phase: RunPhase;
  /** ISO time of the database's clock at which the engine was first seen in this phase. */
  phaseSince: string;
  stateReason: string | null;
  failure: Failure | null;
  stopEvidence: boolean;
  baseline: string | null;
  liveTasks: number;
  /** ISO times of the engine: shown, never compared. */
  startedAt: string | null;
  finishedAt: string | null;
  outputs: Record<string, Json> | null;
}

/** Our own final word where the engine gave none: refused, missing, outcome unknown, cancelled before it was known. */
export type Verdict = { state: 'FAILED'; failure: Failure } | { state: 'CANCELLED'; reason: string };

export interface RunError {
  code: string;
  message: string;
  at: string;
}

export interface RunRecord {
  id: number;
  project: string;
  workflowId: number;
  workflowTitle: string;
  workflowVersion: number;
  /** The text of a definition in the format `reference`; null for all others. */
  workflowReference: string | null;
  workflowEngine: string;
  /** Of the workflow version. */
  registration: 'PENDING' | 'READY' | 'FAILED' | 'RETIRED';
  token: string;
  /** Trace of the request that created the run. */
  traceparent: string | null;
  state: RunState;
  stateReason: string | null;
  failure: Failure | null;
  generation: number;
  version: number;
  eventSeq: number;
  desired: Desired;
  desiredAt: Date;
  /** A retry limited to one task and its downstream. */
  retryTask: { task: string; mapIndex?: number } | null;
  execution: Execution;
  observed: Observed | null;
  verdict: Verdict | null;
  /** Ticket of the newest observation that counts, passes of the reconciler that left the row alone included. */
  observedTicket: number;
  observedAt: Date | null;
  tasksObservedAt: Date | null;
  absentSince: Date | null;
  absences: number;
  readError: RunError | null;
  outputs: Record<string, Json> | null;
  engineUrl: string | null;
  nextActionAt: Date | null;
  leaseToken: string | null;
  leaseUntil: Date | null;
  failures: number;
  lastError: RunError | null;
  watchedUntil: Date | null;
  createdAt: Date;
  submittedAt: Date | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** The database's clock when this record was read: the only "now" that decides anything. */
  readAt: Date;
}
