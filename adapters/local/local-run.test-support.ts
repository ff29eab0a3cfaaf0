/** Runs of the local engine, their rows and what happened to their attempts, for the tables of its pure rules. */
import type { Definition, TaskDefinition } from '../../definition/definition-types.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import type { AttemptEvent } from './decide-run.js';
import { workflow } from './local-engine.test-support.js';
import type { AttemptEnding, LocalRun, LocalTaskRun } from './run-model.js';

export const NOW = new Date('2026-01-01T12:00:00Z');
export const seconds = (count: number): Date => new Date(NOW.getTime() + count * 1000);

export const row = (task: string, change: Partial<LocalTaskRun> = {}): LocalTaskRun => ({
  task,
  mapIndex: -1,
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
  ...change,
});
export const live = (task: string, change: Partial<LocalTaskRun> = {}): LocalTaskRun =>
  row(task, { state: 'RUNNING', attempt: 1, ...change });
export const completed = (task: string, change: Partial<LocalTaskRun> = {}): LocalTaskRun =>
  row(task, { state: 'COMPLETED', attempt: 1, outputs: {}, ...change });
export const failed = (task: string, change: Partial<LocalTaskRun> = {}): LocalTaskRun =>
  row(task, { state: 'FAILED', attempt: 1, failure: { class: 'user', code: 'exit-code', message: '' }, ...change });

export type Tasks = Record<string, Record<string, unknown>>;

export function definition(tasks: Tasks, rest: object = {}): Definition {
  const whole = Object.fromEntries(Object.entries(tasks).map(([id, task]) => [id, { run: 'true', ...task }]));
  const parsed = parseDefinition(workflow({ tasks: whole, ...rest }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.definition;
}

export function run(tasks: Tasks, rows: LocalTaskRun[], change: Partial<LocalRun> = {}, rest: object = {}): LocalRun {
  return {
    id: 1,
    key: 'sb-x-g1',
    workflowRunId: '7',
    traceparent: '',
    definition: definition(tasks, rest),
    parameters: {},
    phase: 'running',
    round: 1,
    cancelMode: null,
    pauseWanted: false,
    intentSeq: 0,
    roundStartedAt: NOW,
    startedAt: NOW,
    tasks: rows,
    ...change,
  };
}

export const exit = (exitCode: number, change: Partial<AttemptEnding & { kind: 'exited' }> = {}): AttemptEnding => ({
  kind: 'exited',
  startedAt: NOW,
  finishedAt: NOW,
  exitCode,
  signal: null,
  timedOut: false,
  stopped: false,
  ...(exitCode === 0 ? { outputs: {} } : {}),
  ...change,
});
export const ended = (task: string, ending: AttemptEnding, mapIndex = -1, attempt = 1): AttemptEvent => ({
  event: 'ended',
  task,
  mapIndex,
  attempt,
  ending,
});

export const DIAMOND: Tasks = { a: {}, b: { needs: ['a'] }, c: { needs: ['a'] }, d: { needs: ['b', 'c'] } };
export const EACH: Tasks = { each: { foreach: { items: [1, 2, 3], maxParallel: 2 } } };
/** A fan-out that follows a task however that ends. */
export const AFTER_A: Tasks = { a: {}, each: { needs: ['a'], trigger: 'all-done', foreach: { items: [1, 2] } } };

export function name({ task, mapIndex }: { task: TaskDefinition['id']; mapIndex: number }): string {
  return mapIndex < 0 ? task : `${task}.${mapIndex}`;
}

export function word({ state, stateReason }: LocalTaskRun): string {
  return stateReason === null ? state : `${state} ${stateReason}`;
}
