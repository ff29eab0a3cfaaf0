import type { LifecycleEventType, LifecycleSource } from './lifecycle-event.js';
import { fold } from './fold.js';
import type { RunRecord } from './run-record.js';
import { isAllowedMove, isFinal, type RunState } from './run-state.js';

/** An event to be appended; `seq` is given out by the write. */
export interface NewEvent {
  type: LifecycleEventType;
  from: RunState;
  to: RunState;
  generation: number;
  source: LifecycleSource;
  actor: string | null;
  reason: string | null;
}

export interface Cause {
  /** A client's request is one event, with from and to when it moved the state. */
  type: LifecycleEventType;
  source: LifecycleSource;
  actor?: string | undefined;
  reason?: string | undefined;
}

export interface Refolded {
  record: RunRecord;
  events: NewEvent[];
}

/** The table forbids a move that fold asks for: a mistake of ours, never stored. */
export class IllegalMove extends Error {
  constructor(run: number, from: RunState, to: RunState) {
    super(`run ${run} may not move from ${from} to ${to}`);
    this.name = 'IllegalMove';
  }
}

/** Brings `state` and what follows from it in line with the record's inputs; one event per request or move. */
export function refold(before: RunRecord, changed: RunRecord, cause: Cause): Refolded {
  const { state, stateReason, failure } = fold(changed);
  const moved = state !== before.state;
  if (moved && !isAllowedMove(before.state, state)) throw new IllegalMove(before.id, before.state, state);
  const final = isFinal(state);
  const record: RunRecord = {
    ...changed,
    state,
    stateReason,
    failure,
    startedAt: changed.startedAt ?? toDate(changed.observed?.startedAt),
    finishedAt: final ? (moved ? (toDate(changed.observed?.finishedAt) ?? changed.readAt) : before.finishedAt) : null,
    outputs: state === 'COMPLETED' ? (changed.observed?.outputs ?? null) : null,
    lastError: final ? null : changed.lastError,
    nextActionAt: final ? null : changed.nextActionAt,
    leaseToken: final ? null : changed.leaseToken,
    leaseUntil: final ? null : changed.leaseUntil,
    execution:
      final && changed.execution.endedAt === null
        ? { ...changed.execution, endedAt: changed.readAt }
        : changed.execution,
  };
  const events: NewEvent[] =
    moved || cause.type !== 'STATE'
      ? [
          {
            type: cause.type,
            from: before.state,
            to: state,
            generation: record.generation,
            source: cause.source,
            actor: cause.actor ?? null,
            reason: cause.reason ?? (moved ? (failure?.code ?? stateReason) : null),
          },
        ]
      : [];
  return { record, events };
}

function toDate(text: string | null | undefined): Date | null {
  return text ? new Date(text) : null;
}
