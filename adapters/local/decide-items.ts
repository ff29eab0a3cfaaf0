import type { Json, TaskDefinition } from '../../definition/definition-types.js';
import { collectOutputs, resolveValue } from '../../definition/references.js';
import type { RunDraft } from './run-draft.js';
import type { LocalTaskRun } from './run-model.js';
import { WHOLE, isFinalTask } from './run-model.js';
import { toScope } from './to-attempt-spec.js';

export const MAX_ITEMS = 10_000;
/** Of all lists that a fan-out collects, together as JSON. */
export const COLLECTED_LIMIT_BYTES = 1024 * 1024;

/** Turns a fan-out whose trigger said yes into its items. */
export function expandItems(draft: RunDraft, task: TaskDefinition, whole: LocalTaskRun): void {
  if (draft.run.pauseWanted) return;
  const items = resolveValue(task.foreach?.items ?? null, toScope({ ...draft.run, tasks: draft.wholes() }, task));
  if (!Array.isArray(items)) {
    const message = 'The items of foreach are not a list.';
    return draft.fail(whole, { class: 'user', code: 'foreach-not-a-list', message });
  }
  if (items.length > MAX_ITEMS) {
    const message = `foreach has ${items.length} items; there may be ${MAX_ITEMS}.`;
    return draft.fail(whole, { class: 'user', code: 'foreach-too-large', message });
  }
  if (items.length === 0) {
    const outputs = collectOutputs(Object.keys(task.outputs), []);
    const { now } = draft;
    return draft.set(whole, { state: 'COMPLETED', itemCount: 0, outputs, startedAt: now, finishedAt: now });
  }
  draft.set(whole, { state: 'RUNNING', itemCount: items.length, startedAt: whole.startedAt ?? draft.now });
  items.forEach((item, mapIndex) => {
    // An earlier round may have had it: attempts are counted on, the rest begins anew.
    const before = draft.row(task.id, mapIndex);
    const fresh = newItem(task.id, mapIndex);
    draft.set(before ?? fresh, { ...fresh, attempt: before?.attempt ?? 0, item });
  });
  // Another list than in an earlier round: what it had more keeps its attempts and takes no part.
  for (const surplus of draft.leftItems(task)) draft.settle(surplus, 'SKIPPED', 'item-gone');
  const expanded = draft.row(task.id, whole.mapIndex);
  if (expanded !== undefined) advanceItems(draft, task, expanded, undefined);
}

/** A fan-out that has ended takes along what an earlier round left and this one did not expand. */
export function endLeftItems(draft: RunDraft, task: TaskDefinition): void {
  const whole = draft.row(task.id, WHOLE);
  if (whole === undefined || !isFinalTask(whole.state)) return;
  for (const item of draft.leftItems(task)) {
    if (isFinalTask(item.state)) continue;
    if (whole.state === 'CANCELLED') draft.settle(item, 'CANCELLED', whole.stateReason);
    else draft.settle(item, 'SKIPPED', 'item-gone');
  }
}

/** The next step of a fan-out whose items are known. `haltReason`: the run stops, its items have been told. */
export function advanceItems(
  draft: RunDraft,
  task: TaskDefinition,
  whole: LocalTaskRun,
  haltReason: string | undefined,
): void {
  if (haltReason === undefined) proceedItems(draft, task);
  const items = draft.executed(task);
  if (items.every((item) => isFinalTask(item.state))) return conclude(draft, task, whole, items, haltReason);
  if (whole.state === 'PENDING' && !draft.run.pauseWanted) {
    draft.set(whole, { state: 'RUNNING', startedAt: whole.startedAt ?? draft.now });
  }
}

function proceedItems(draft: RunDraft, task: TaskDefinition): void {
  const maxParallel = task.foreach?.maxParallel ?? Infinity;
  const failsFast = draft.failsFast(task);
  const items = draft.executed(task);
  let live = items.filter((item) => draft.isLive(item)).length;
  for (const item of items) {
    if (isFinalTask(item.state)) continue;
    const cancelWanted = draft.isCancelWanted(item);
    if (failsFast || cancelWanted) {
      if (draft.isLive(item)) draft.stop(item, 'graceful');
      else draft.settle(item, 'CANCELLED', cancelWanted ? 'task-cancelled' : 'fail-fast');
    } else if (!draft.isLive(item)) {
      draft.proceed(item, live < maxParallel);
      const now = draft.row(item.task, item.mapIndex);
      if (now !== undefined && draft.isLive(now)) live += 1;
    }
  }
}

/** One FAILED item fails the whole, else one CANCELLED cancels it; all SKIPPED skip it. */
function conclude(
  draft: RunDraft,
  task: TaskDefinition,
  whole: LocalTaskRun,
  items: LocalTaskRun[],
  haltReason: string | undefined,
): void {
  const outputs = collectWithinLimit(task, items);
  const failed = items.filter((item) => item.state === 'FAILED');
  const [first] = failed;
  if (first !== undefined) {
    const { class: blame, code, message } = first.failure ?? { class: 'platform', code: 'unknown', message: '' };
    const summary = `${failed.length} of ${items.length} items failed, the first of them item ${first.mapIndex}: ${message}`;
    draft.fail({ ...whole, outputs }, { class: blame, code, message: summary });
  } else if (items.some((item) => item.state === 'CANCELLED')) {
    draft.settle({ ...whole, outputs }, 'CANCELLED', haltReason ?? 'task-cancelled');
  } else if (items.every((item) => item.state === 'SKIPPED')) {
    draft.settle(whole, 'SKIPPED', 'items-skipped');
  } else if (outputs === null) {
    const message = `The outputs of all items together are above ${COLLECTED_LIMIT_BYTES} bytes.`;
    draft.fail(whole, { class: 'user', code: 'output-too-large', message });
  } else {
    draft.settle({ ...whole, outputs }, 'COMPLETED', null);
  }
}

/**
 * Null above the limit, however the fan-out ends: such lists are not for the database. Counted value by value first, since
 * together they might be longer than a string can be.
 */
function collectWithinLimit(task: TaskDefinition, items: LocalTaskRun[]): Record<string, Json> | null {
  let bytes = 0;
  for (const value of items.flatMap((item) => Object.values(item.outputs ?? {}))) {
    bytes += bytesOf(value);
    if (bytes > COLLECTED_LIMIT_BYTES) return null;
  }
  const outputs = collectOutputs(
    Object.keys(task.outputs),
    items.map((item) => item.outputs ?? undefined),
  );
  return bytesOf(outputs) > COLLECTED_LIMIT_BYTES ? null : outputs;
}

function bytesOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function newItem(task: string, mapIndex: number): LocalTaskRun {
  return {
    task,
    mapIndex,
    state: 'PENDING',
    stateReason: null,
    attempt: 0,
    retriesUsed: 0,
    falseStarts: 0,
    nextAttemptAt: null,
    item: undefined,
    itemCount: null,
    cancelWanted: false,
    outputs: null,
    failure: null,
    startedAt: null,
    finishedAt: null,
  };
}
