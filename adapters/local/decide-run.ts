import type { TaskDefinition } from '../../definition/definition-types.js';
import { decideTrigger } from '../../definition/trigger.js';
import { evaluateWhen } from '../../definition/when-expression.js';
import type { CancelMode } from '../spi/engine-adapter.js';
import { advanceItems, endLeftItems, expandItems } from './decide-items.js';
import type { Stop } from './run-draft.js';
import { RunDraft } from './run-draft.js';
import type { AttemptEnding, LocalRun, LocalTaskRun, LocalTaskState } from './run-model.js';
import { WHOLE, isFinalTask } from './run-model.js';
import { runFacts } from './run-facts.js';
import type { Step } from './step-store.js';
import { toScope } from './to-attempt-spec.js';

/** What happened to an attempt since the last decision. */
export type AttemptEvent = { task: string; mapIndex: number; attempt: number } & (
  { event: 'started'; at: Date } | { event: 'ended'; ending: AttemptEnding }
);

export interface Decision {
  /** Undefined when nothing has to be written. */
  step: Step | undefined;
  /** Attempts to be ended; told again with every decision until they have. */
  stops: Stop[];
  /** A task could start if there were a slot. */
  hungry: boolean;
  /** Nothing of it is carried out or could be: only time or an intent brings it on. */
  idle: boolean;
  /** When time alone changes the decision. */
  wakeAt: Date | undefined;
}

/** Why no task of a run may go on. */
interface Halt {
  mode: CancelMode;
  reason: 'run-cancelled' | 'run-timed-out';
}

/**
 * The next step of a run, from its rows alone: level-triggered, so that it may be asked at any moment and any number of
 * times. `slots` is how many tasks may be started now.
 */
export function decideRun(run: LocalRun, events: readonly AttemptEvent[], slots: number, now: Date): Decision {
  const draft = new RunDraft(run, slots, now);
  const halt = haltOf(run, now);
  for (const event of events) applyEvent(draft, event, halt);
  for (const task of run.definition.tasks) {
    const row = draft.row(task.id, WHOLE);
    if (row === undefined || isFinalTask(row.state)) continue;
    if (halt === undefined) advanceTask(draft, task, row);
    else haltTask(draft, task, row, halt);
    if (task.foreach !== undefined) endLeftItems(draft, task);
  }
  const facts = runFacts(draft);
  const { timeoutMs } = run.definition;
  if (halt === undefined && timeoutMs !== undefined && facts.roundStartedAt !== null) {
    draft.wake(new Date(facts.roundStartedAt.getTime() + timeoutMs));
  }
  const { stops, hungry, idle, wakeAt } = draft;
  return { step: draft.toStep(facts), stops, hungry, idle, wakeAt };
}

function haltOf(run: LocalRun, now: Date): Halt | undefined {
  if (run.cancelMode !== null) return { mode: run.cancelMode, reason: 'run-cancelled' };
  const { timeoutMs } = run.definition;
  if (timeoutMs === undefined || run.roundStartedAt === null) return undefined;
  const expired = now.getTime() >= run.roundStartedAt.getTime() + timeoutMs;
  return expired ? { mode: 'graceful', reason: 'run-timed-out' } : undefined;
}

function applyEvent(draft: RunDraft, event: AttemptEvent, halt: Halt | undefined): void {
  const row = draft.row(event.task, event.mapIndex);
  if (row === undefined || row.attempt !== event.attempt) return;
  if (event.event === 'started') draft.markStarted(row, event.at);
  else draft.markEnded(row, event.ending, halt?.reason ?? stopReason(draft, row));
}

/** Why the end of this one task run was wanted, if it was. */
function stopReason(draft: RunDraft, row: LocalTaskRun): string | undefined {
  if (draft.isCancelWanted(row)) return 'task-cancelled';
  const task = draft.definition(row);
  return task !== undefined && row.mapIndex !== WHOLE && draft.failsFast(task) ? 'fail-fast' : undefined;
}

function haltTask(draft: RunDraft, task: TaskDefinition, whole: LocalTaskRun, halt: Halt): void {
  for (const row of draft.executed(task)) {
    if (draft.isLive(row)) draft.stop(row, halt.mode);
    else if (!isFinalTask(row.state)) draft.settle(row, 'CANCELLED', halt.reason);
  }
  if (task.foreach === undefined) return;
  if (whole.itemCount === null) draft.settle(whole, 'CANCELLED', halt.reason);
  else advanceItems(draft, task, whole, halt.reason);
}

function advanceTask(draft: RunDraft, task: TaskDefinition, row: LocalTaskRun): void {
  if (task.foreach !== undefined && row.itemCount !== null) return advanceItems(draft, task, row, undefined);
  if (row.cancelWanted) {
    if (draft.isLive(row)) draft.stop(row, 'graceful');
    else draft.settle(row, 'CANCELLED', 'task-cancelled');
    return;
  }
  // Between two attempts nobody is asked again.
  if (row.state === 'PENDING' && !mayStart(draft, task, row)) return;
  if (task.foreach === undefined) draft.proceed(row);
  else expandItems(draft, task, row);
}

/** Looks at trigger and condition once all needs are final; what they refuse is settled here. */
function mayStart(draft: RunDraft, task: TaskDefinition, row: LocalTaskRun): boolean {
  const upstream = task.needs.map((id) => draft.row(id, WHOLE)?.state ?? 'PENDING').filter(isFinalState);
  if (upstream.length < task.needs.length) return false;
  const trigger = decideTrigger(task.trigger, upstream);
  if (!trigger.run) {
    draft.settle(row, 'SKIPPED', trigger.reason);
    return false;
  }
  if (task.when === undefined) return true;
  const when = evaluateWhen(task.when, toScope({ ...draft.run, tasks: draft.wholes() }, task));
  if (!when.ok) {
    draft.fail(row, { class: 'user', code: 'when-failed', message: when.message });
    return false;
  }
  if (!when.value) draft.settle(row, 'SKIPPED', 'condition-false');
  return when.value;
}

function isFinalState(state: LocalTaskState): state is 'COMPLETED' | 'FAILED' | 'SKIPPED' | 'CANCELLED' {
  return isFinalTask(state);
}
