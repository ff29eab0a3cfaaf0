/** From the instances of a compiled DAG and what they told to facts about the tasks of the definition. Pure. */
import type { Json } from '../../definition/definition-types.js';
import type { AttemptFacts, Failure, TaskRunFacts } from '../spi/facts.js';
import type { CompiledRun, CompiledTask } from './compiled-run.js';
import { compiledState, wholeState } from './compiled-run.js';
import type { TaskResult } from './task-result.js';
import type { TaskInstance } from './to-task-run.js';
import { toTaskRun } from './to-task-run.js';

export interface Told {
  /** Undefined where there is none, or it was not read. */
  result(instance: TaskInstance): TaskResult | undefined;
  tries(instance: TaskInstance): TaskInstance[] | undefined;
  page(instance: TaskInstance): string;
  /** The run has ended: what nobody told by now is told by nobody. */
  ended: boolean;
}

export function toCompiledTaskRuns(run: CompiledRun, told: Told): TaskRunFacts[] {
  const reasons = told.result(run.end)?.reasons ?? {};
  return run.tasks.flatMap((task): TaskRunFacts[] => {
    if (task.kind === 'task') return [executed(task.id, task.own, run, told, told.result(task.own), reasons[task.id])];
    const whole = told.result(task.collect);
    const items = task.mapped.map((item) =>
      executed(task.id, item, run, told, itemResult(whole, item) ?? told.result(item), undefined),
    );
    return [wholeFacts(task, run, told, whole, reasons[task.id]), ...items];
  });
}

/** An item's part of what the whole has collected: one list for each output. */
function itemResult(whole: TaskResult | undefined, { mapIndex, word }: TaskInstance): TaskResult | undefined {
  const told = whole?.items?.[mapIndex];
  if (told === undefined || word !== 'success') return told;
  const outputs = Object.entries(whole?.outputs ?? {}).map(([name, list]): [string, Json] => [
    name,
    Array.isArray(list) ? (list[mapIndex] ?? null) : null,
  ]);
  return { ...told, outputs: Object.fromEntries(outputs) };
}

function executed(
  id: string,
  instance: TaskInstance,
  run: CompiledRun,
  told: Told,
  result: TaskResult | undefined,
  skipped: string | undefined,
): TaskRunFacts {
  const page = told.page(instance);
  const { stateReason, failure, attempts, ...facts } = toTaskRun(
    instance,
    { stoppedAt: run.haltedAt },
    told.tries(instance),
    page,
  );
  const state = compiledState(instance, run);
  const reason = reasonOf(state, run, result, skipped) ?? airflowsReason(instance, stateReason, told);
  const why = state === 'FAILED' ? (result?.failure ?? failure) : undefined;
  return {
    ...facts,
    task: id,
    state,
    ...(reason === undefined ? {} : { stateReason: reason }),
    ...(why === undefined ? {} : { failure: why }),
    ...(state === 'COMPLETED' && result?.outputs !== undefined ? { outputs: result.outputs } : {}),
    ...(attempts === undefined
      ? {}
      : { attempts: attempts.map((one) => lastAttempt(one, facts.attempt, state, result)) }),
  };
}

/** The result is that of the last attempt; earlier ones took theirs with them. */
function lastAttempt(
  attempt: AttemptFacts,
  last: number,
  state: TaskRunFacts['state'],
  result: TaskResult | undefined,
): AttemptFacts {
  if (attempt.attempt !== last) return attempt;
  const failure = state === 'FAILED' ? (result?.failure ?? attempt.failure) : undefined;
  const { attempt: number, startedAt, finishedAt } = attempt;
  return {
    attempt: number,
    state: attempt.state === 'SKIPPED' && state === 'CANCELLED' ? state : attempt.state,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(result?.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** As the local engine reports a fan-out: no attempts of its own, the outputs as lists. */
function wholeFacts(
  task: Extract<CompiledTask, { kind: 'fan-out' }>,
  run: CompiledRun,
  told: Told,
  result: TaskResult | undefined,
  skipped: string | undefined,
): TaskRunFacts {
  const state = wholeState(task, run);
  // The trigger's reason is known to the last task alone: it sees what Airflow skipped by itself.
  const reason = reasonOf(state, run, skipped === undefined ? result : undefined, skipped);
  const { startedAt } = task.counts;
  const { finishedAt } = task.collect;
  const isOver = state !== 'PENDING' && state !== 'RUNNING';
  const failure = result?.failure ?? lostWhole(task.id);
  return {
    task: task.id,
    state,
    attempt: 0,
    engineUrl: told.page(task.collect),
    ...(reason === undefined ? {} : { stateReason: reason }),
    ...(startedAt === undefined || state === 'PENDING' ? {} : { startedAt }),
    ...(finishedAt === undefined || !isOver ? {} : { finishedAt }),
    ...(state === 'FAILED' ? { failure } : {}),
    ...(result?.outputs === undefined || !isOver ? {} : { outputs: result.outputs }),
    attempts: [],
  };
}

function reasonOf(
  state: TaskRunFacts['state'],
  run: CompiledRun,
  result: TaskResult | undefined,
  skipped: string | undefined,
): string | undefined {
  if (state === 'CANCELLED') {
    if (run.timedOut) return 'run-timed-out';
    return run.haltedAt === undefined ? 'task-cancelled' : 'run-cancelled';
  }
  return state === 'SKIPPED' ? (result?.reason ?? skipped) : undefined;
}

/** `upstream_failed` of Airflow is also what follows a skipped task: while the last task may still tell better, nothing is said. */
function airflowsReason({ word }: TaskInstance, reason: string | undefined, { ended }: Told): string | undefined {
  if (word === 'removed') return 'item-gone';
  return word === 'upstream_failed' && !ended ? undefined : reason;
}

function lostWhole(task: string): Failure {
  return { class: 'engine', code: 'task-lost', message: `Airflow ended the task ${task} without a word of its own.` };
}
