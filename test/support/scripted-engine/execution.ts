/** One execution of the scripted engine: it moves only when `advance` is called with the time. */
import type { Json } from '../../../definition/definition-types.js';
import type { ScriptedTask, ScriptedValue, ScriptedWorkflow } from './scripted-workflow.js';

export type TaskWord =
  'none' | 'queued' | 'running' | 'up_for_retry' | 'success' | 'failed' | 'skipped' | 'upstream_failed' | 'stopped';

export const ENDED_TASK_WORDS: readonly TaskWord[] = ['success', 'failed', 'skipped', 'upstream_failed', 'stopped'];
export const ENDED_RUN_WORDS: readonly string[] = ['success', 'failed', 'stopped'];

export interface Attempt {
  number: number;
  state: TaskWord;
  started_at: number;
  finished_at?: number;
  exit_code?: number;
}

export interface TaskRun {
  task: ScriptedTask;
  item_index?: number;
  item?: Json;
  state: TaskWord;
  /** Attempts spent since the last clear. */
  spent: number;
  attempts: Attempt[];
}

export interface ScriptedMarker {
  installation_id: string;
  key: string;
  content_digest: string;
}

export interface SubmitBody {
  key: string;
  /** Absent where somebody else started it. */
  marker?: ScriptedMarker;
  definition: string;
  script?: string;
  parameters: Record<string, Json>;
  labels: { key: string; value: string }[];
  run_id: string;
  title: string;
}

export interface Execution {
  uid: string;
  body: SubmitBody;
  traceparent?: string;
  workflow: ScriptedWorkflow;
  created_at: number;
  started_at?: number;
  finished_at?: number;
  /** 1, and one more for every retry or clear. */
  round: number;
  paused: boolean;
  stop?: { mode: 'graceful' | 'force'; at: number };
  /** A word shown instead of the true one. */
  shown?: string;
  /** Grows with every visible change. */
  revision: number;
  tasks: Map<string, TaskRun[]>;
}

/** What the engine as a whole does to its executions. */
export interface Conduct {
  /** Accepts executions and starts nothing. */
  stayQueued: boolean;
  /** Acknowledges a graceful stop and lets the tasks go on. */
  ignoreGracefulStop: boolean;
  /** Milliseconds between a stop and its effect. */
  stopDelayMs: number;
}

export function newExecution(uid: string, body: SubmitBody, workflow: ScriptedWorkflow, now: number): Execution {
  const tasks = new Map<string, TaskRun[]>();
  for (const task of workflow.tasks) {
    const items = task.items === undefined ? undefined : body.parameters[task.items];
    const runs = Array.isArray(items)
      ? items.map((item, item_index): TaskRun => ({ task, item_index, item, state: 'none', spent: 0, attempts: [] }))
      : [{ task, state: 'none' as const, spent: 0, attempts: [] }];
    tasks.set(task.id, runs);
  }
  return { uid, body, workflow, created_at: now, round: 1, paused: false, revision: 1, tasks };
}

/** Does everything that is due at `now`. Answers when the next thing is due, if anything is. */
export function advance(execution: Execution, conduct: Conduct, now: number): number | undefined {
  if (execution.finished_at !== undefined) return undefined;
  const { stop } = execution;
  if (stop && now < stop.at) return stop.at;
  if (stop && !(stop.mode === 'graceful' && conduct.ignoreGracefulStop)) {
    for (const run of allRuns(execution)) endOpen(run, 'stopped', now);
    execution.revision += 1;
  }
  let next = Infinity;
  for (const runs of execution.tasks.values()) {
    for (const run of runs) next = Math.min(next, step(execution, run, conduct, now));
  }
  if (allRuns(execution).every((run) => ENDED_TASK_WORDS.includes(run.state))) {
    execution.finished_at = now;
    execution.revision += 1;
    return undefined;
  }
  return Number.isFinite(next) ? next : undefined;
}

/** One task run; answers when it is due again, infinity when something else has to happen first. */
function step(execution: Execution, run: TaskRun, conduct: Conduct, now: number): number {
  if (run.state === 'none' || run.state === 'up_for_retry') {
    if (conduct.stayQueued || execution.paused) return Infinity;
    const needs = (run.task.needs ?? []).flatMap((need) => execution.tasks.get(need) ?? []);
    if (!needs.every((need) => ENDED_TASK_WORDS.includes(need.state))) return Infinity;
    if (!needs.every((need) => need.state === 'success')) {
      run.state = needs.some((need) => need.state === 'skipped') ? 'skipped' : 'upstream_failed';
      execution.revision += 1;
      return Infinity;
    }
    run.state = 'running';
    run.spent += 1;
    run.attempts.push({ number: run.attempts.length + 1, state: 'running', started_at: now });
    execution.started_at ??= now;
    execution.revision += 1;
  }
  if (run.state !== 'running') return Infinity;
  const duration = run.task.duration_ms ?? 0;
  const due = duration === 'hold' ? Infinity : lastAttempt(run).started_at + duration;
  if (due > now) return due;
  const left = finishAttempt(execution, run, run.attempts.length > (run.task.failing_attempts ?? 0), now);
  return left === 'up_for_retry' ? step(execution, run, conduct, now) : Infinity;
}

/** Ends the running attempt; answers the task run's word after it. */
export function finishAttempt(execution: Execution, run: TaskRun, well: boolean, now: number): TaskWord {
  const attempt = lastAttempt(run);
  attempt.state = well ? 'success' : 'failed';
  attempt.finished_at = now;
  attempt.exit_code = well ? 0 : (run.task.exit_code ?? 1);
  run.state = well ? 'success' : run.spent <= (run.task.retries ?? 0) ? 'up_for_retry' : 'failed';
  execution.revision += 1;
  return run.state;
}

function endOpen(run: TaskRun, word: TaskWord, now: number): void {
  if (ENDED_TASK_WORDS.includes(run.state)) return;
  if (run.state === 'running') {
    const attempt = lastAttempt(run);
    attempt.state = word;
    attempt.finished_at = now;
  }
  run.state = word;
}

export function stopTask(execution: Execution, runs: TaskRun[], now: number): void {
  for (const run of runs) endOpen(run, 'stopped', now);
  execution.revision += 1;
}

/** Sets task runs that did not succeed back to their beginning, and all that follow them. Answers how many. */
export function clear(execution: Execution, chosen: (run: TaskRun) => boolean): number {
  const cleared = new Set<string>();
  let count = 0;
  for (const [id, runs] of execution.tasks) {
    const follows = (runs[0]?.task.needs ?? []).some((need) => cleared.has(need));
    for (const run of runs) {
      if (!follows && !chosen(run)) continue;
      run.state = 'none';
      run.spent = 0;
      cleared.add(id);
      count += 1;
    }
  }
  if (count === 0) return 0;
  execution.round += 1;
  execution.revision += 1;
  delete execution.finished_at;
  delete execution.stop;
  delete execution.shown;
  return count;
}

/** The engine's word for the run at `now`. */
export function runWord(execution: Execution, now: number): string {
  if (execution.shown !== undefined) return execution.shown;
  const told = (execution.workflow.words ?? []).filter((entry) => execution.created_at + entry.after_ms <= now).at(-1);
  if (told) return told.word;
  const runs = allRuns(execution);
  if (execution.finished_at !== undefined) {
    if (runs.some((run) => run.state === 'stopped')) return execution.stop ? 'stopped' : 'failed';
    return runs.some((run) => run.state === 'failed' || run.state === 'upstream_failed') ? 'failed' : 'success';
  }
  if (execution.stop) return 'stopping';
  if (execution.paused) return 'suspended';
  return execution.started_at === undefined ? 'queued' : 'running';
}

export function allRuns(execution: Execution): TaskRun[] {
  return [...execution.tasks.values()].flat();
}

export function lastAttempt(run: TaskRun): Attempt {
  const attempt = run.attempts.at(-1);
  if (!attempt) throw new Error(`task ${run.task.id} has not begun`);
  return attempt;
}

export function outputsOf(execution: Execution, run: TaskRun): Record<string, Json> {
  const entries = Object.entries(run.task.outputs ?? {});
  return Object.fromEntries(entries.map(([name, told]) => [name, resolve(execution, run, told)]));
}

function resolve(execution: Execution, run: TaskRun, told: ScriptedValue): Json {
  if ('value' in told) return told.value;
  if ('item' in told) return run.item ?? null;
  return execution.body.parameters[told.parameter] ?? null;
}

/** The whole log of one attempt. */
export function logText(run: TaskRun, attempt: number): string {
  const lines = run.task.log ?? ['attempt {attempt} of {task}'];
  return lines
    .map((line) => `${line.replaceAll('{attempt}', String(attempt)).replaceAll('{task}', run.task.id)}\n`)
    .join('');
}
