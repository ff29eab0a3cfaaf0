import { nextRetry } from '../../definition/retry-decision.js';
import type { TaskDefinition } from '../../definition/definition-types.js';
import type { CancelMode } from '../spi/engine-adapter.js';
import type { Failure } from '../spi/facts.js';
import type { AttemptVerdict } from './attempt-verdict.js';
import { attemptVerdict } from './attempt-verdict.js';
import type { AttemptEnding, LocalRun, LocalTaskRun } from './run-model.js';
import { WHOLE, isLiveTask } from './run-model.js';
import type { AttemptChange, RunFacts, Step } from './step-store.js';

/** After a claim that never ran another attempt follows at once, this many times in a row. */
const FALSE_STARTS = 3;

export interface Stop {
  task: string;
  mapIndex: number;
  attempt: number;
  mode: CancelMode;
}

/**
 * A run while a decision is being made: its rows with the changes so far. Rows are replaced, never changed, so the run
 * that was given stays as it was until the step is written.
 */
export class RunDraft {
  readonly run: LocalRun;
  readonly now: Date;
  readonly stops: Stop[] = [];
  /** A task could start if there were a slot. */
  hungry = false;
  wakeAt: Date | undefined;
  /** Some task of this round has left PENDING. */
  began: boolean;
  readonly #definitions: Map<string, TaskDefinition>;
  /** By task; the whole stands at 0 and item n at n + 1. */
  readonly #rows: Map<string, LocalTaskRun[]>;
  readonly #changed = new Map<string, LocalTaskRun>();
  readonly #attempts = new Map<string, AttemptChange>();
  readonly #created: Step['created'] = [];
  #slots: number;
  #live: number;

  constructor(run: LocalRun, slots: number, now: Date) {
    this.run = run;
    this.now = now;
    this.began = run.roundStartedAt !== null;
    this.#slots = slots;
    this.#definitions = new Map(run.definition.tasks.map((task) => [task.id, task]));
    this.#rows = new Map(run.definition.tasks.map((task) => [task.id, []]));
    this.#live = 0;
    for (const row of run.tasks) {
      this.#place(row);
      if (this.isLive(row)) this.#live += 1;
    }
  }

  get idle(): boolean {
    return this.#live === 0 && !this.hungry;
  }

  row(task: string, mapIndex: number): LocalTaskRun | undefined {
    return this.#rows.get(task)?.[mapIndex + 1];
  }

  /** Tasks and fan-outs, no items. */
  wholes(): LocalTaskRun[] {
    return this.run.definition.tasks.flatMap((task) => this.row(task.id, WHOLE) ?? []);
  }

  /** The rows of a task that attempts belong to: its items, or itself. */
  executed(task: TaskDefinition): LocalTaskRun[] {
    const whole = this.row(task.id, WHOLE);
    if (whole === undefined) return [];
    if (task.foreach === undefined) return [whole];
    return this.#rows.get(task.id)?.slice(1, 1 + (whole.itemCount ?? 0)) ?? [];
  }

  /** Items of an earlier round that the fan-out does not have, or not yet, in this one. */
  leftItems(task: TaskDefinition): LocalTaskRun[] {
    const itemCount = this.row(task.id, WHOLE)?.itemCount ?? 0;
    return this.#rows.get(task.id)?.slice(1 + itemCount) ?? [];
  }

  /** An attempt of it is open. */
  isLive(row: LocalTaskRun): boolean {
    const standsForItems = row.mapIndex === WHOLE && this.#definitions.get(row.task)?.foreach !== undefined;
    return isLiveTask(row.state) && !standsForItems;
  }

  /** Also by a wish for the whole: it may be older than the items. */
  isCancelWanted(row: LocalTaskRun): boolean {
    return row.cancelWanted || this.row(row.task, WHOLE)?.cancelWanted === true;
  }

  /** An item failed, and its fan-out is to stop at the first one. */
  failsFast(task: TaskDefinition): boolean {
    return task.foreach?.failFast === true && this.executed(task).some((item) => item.state === 'FAILED');
  }

  definition(row: LocalTaskRun): TaskDefinition | undefined {
    return this.#definitions.get(row.task);
  }

  set(row: LocalTaskRun, change: Partial<LocalTaskRun>): void {
    const next = { ...row, ...change };
    this.#live += Number(this.isLive(next)) - Number(this.isLive(row));
    this.#place(next);
    this.#changed.set(identify(row.task, row.mapIndex), next);
    if (next.state !== 'PENDING' && next.state !== 'CANCELLED') this.began = true;
  }

  /** Starts the next attempt if its time has come, the run is not held, and there is `room` and a slot. */
  proceed(row: LocalTaskRun, room = true): void {
    if (row.state !== 'PENDING' && row.state !== 'RETRYING') return;
    if (row.nextAttemptAt !== null && row.nextAttemptAt > this.now) return this.wake(row.nextAttemptAt);
    const { maxParallel } = this.run.definition;
    if (this.run.pauseWanted || !room || (maxParallel !== undefined && this.#live >= maxParallel)) return;
    if (this.#slots <= 0) {
      this.hungry = true;
      return;
    }
    this.#slots -= 1;
    const attempt = row.attempt + 1;
    this.#created.push({ task: row.task, mapIndex: row.mapIndex, attempt });
    this.set(row, { state: 'SCHEDULED', stateReason: null, attempt, nextAttemptAt: null });
  }

  markStarted(row: LocalTaskRun, at: Date): void {
    if (row.state !== 'SCHEDULED') return;
    this.set(row, { state: 'RUNNING', startedAt: row.startedAt ?? at });
    this.#note(row, { state: 'RUNNING', startedAt: at, finishedAt: null, exitCode: null, failure: null });
  }

  /** `stopReason`: why its end was wanted, if it was; then nothing is retried. */
  markEnded(row: LocalTaskRun, ending: AttemptEnding, stopReason: string | undefined): void {
    const task = this.definition(row);
    if (task === undefined || !this.isLive(row)) return;
    const verdict = attemptVerdict(ending, task, stopReason !== undefined);
    const failure = verdict.state === 'FAILED' ? verdict.failure : null;
    const { startedAt, finishedAt, exitCode, state } = verdict;
    this.#note(row, { state, startedAt, finishedAt, exitCode, failure });
    const started = row.startedAt ?? startedAt;
    const again = stopReason === undefined ? this.#retryOf(row, task, ending, verdict) : undefined;
    if (again !== undefined) return this.set(row, { state: 'RETRYING', startedAt: started, ...again });
    this.set(row, {
      state,
      stateReason: state === 'SKIPPED' ? 'skip-exit-code' : state === 'CANCELLED' ? (stopReason ?? null) : null,
      startedAt: started,
      finishedAt,
      falseStarts: 0,
      outputs: verdict.state === 'COMPLETED' ? verdict.outputs : null,
      failure,
    });
  }

  stop(row: LocalTaskRun, mode: CancelMode): void {
    this.stops.push({ task: row.task, mapIndex: row.mapIndex, attempt: row.attempt, mode });
  }

  settle(row: LocalTaskRun, state: 'COMPLETED' | 'SKIPPED' | 'CANCELLED', stateReason: string | null): void {
    this.set(row, { state, stateReason, nextAttemptAt: null, finishedAt: this.now });
  }

  fail(row: LocalTaskRun, failure: Failure): void {
    this.set(row, { state: 'FAILED', stateReason: null, failure, nextAttemptAt: null, finishedAt: this.now });
  }

  wake(at: Date): void {
    if (this.wakeAt === undefined || at < this.wakeAt) this.wakeAt = at;
  }

  #place(row: LocalTaskRun): void {
    const rows = this.#rows.get(row.task);
    if (rows !== undefined) rows[row.mapIndex + 1] = row;
  }

  /** Undefined when the stored rows say it all already. */
  toStep(run: RunFacts): Step | undefined {
    if (run.phase === this.run.phase && this.#changed.size === 0 && this.#attempts.size === 0) return undefined;
    const tasks = [...this.#changed.values()];
    return { run, tasks, created: this.#created, changed: [...this.#attempts.values()] };
  }

  #retryOf(
    row: LocalTaskRun,
    task: TaskDefinition,
    ending: AttemptEnding,
    verdict: AttemptVerdict,
  ): Partial<LocalTaskRun> | undefined {
    if (verdict.state !== 'FAILED') return undefined;
    if (ending.kind === 'never-ran' && row.falseStarts < FALSE_STARTS) {
      return { falseStarts: row.falseStarts + 1, nextAttemptAt: this.now };
    }
    const retry = nextRetry(task.retry, row.retriesUsed + 1, verdict.cause, verdict.exitCode ?? undefined);
    if (!retry.retry) return undefined;
    const nextAttemptAt = new Date(this.now.getTime() + retry.delayMs);
    return { falseStarts: 0, retriesUsed: row.retriesUsed + 1, nextAttemptAt };
  }

  /** One change per attempt: it may start and end between two decisions. */
  #note(row: LocalTaskRun, change: Omit<AttemptChange, 'task' | 'mapIndex' | 'attempt'>): void {
    const { task, mapIndex, attempt } = row;
    this.#attempts.set(`${identify(task, mapIndex)}/${attempt}`, { task, mapIndex, attempt, ...change });
  }
}

function identify(task: string, mapIndex: number): string {
  return `${task}/${mapIndex}`;
}
