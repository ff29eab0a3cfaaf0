import type { TaskAttempt, TaskRun, WorkflowRun } from './api-types.js';
import { failureText } from './failure-text.js';
import { formatSpan } from './format-time.js';
import { pastAttempts, taskRunName } from './run-view.js';
import { safeLine } from './safe-text.js';

/** One thing that is new between two looks at a run. */
export type RunChange =
  | { kind: 'run'; run: WorkflowRun }
  | { kind: 'task'; taskRun: TaskRun }
  /** An attempt that ended before we could see it run. */
  | { kind: 'attempt'; taskRun: TaskRun; attempt: TaskAttempt };

/** Stands for a time that is not known yet: sorts behind all others. */
const LATEST = '9';

/** What changed since `before` (all of it at the first look), in an order in which it can have happened. */
export function runChanges(before: WorkflowRun | undefined, now: WorkflowRun): RunChange[] {
  const known = new Map((before?.task_runs ?? []).map((taskRun) => [taskRunName(taskRun), taskRun]));
  const tasks = [...(now.task_runs ?? [])]
    .flatMap((taskRun) => taskChanges(known.get(taskRunName(taskRun)), taskRun))
    .sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
  const runChanged =
    before?.state !== now.state || before.generation !== now.generation || before.state_reason !== now.state_reason;
  if (!runChanged) return tasks;
  const run: RunChange = { kind: 'run', run: now };
  return now.finished_at ? [...tasks, run] : [run, ...tasks];
}

/** A change as a line for a log: time of the server, what, how long, why. */
export function changeLine(change: RunChange, now: Date): string {
  switch (change.kind) {
    case 'run': {
      const { run } = change;
      const time = run.finished_at ?? run.updated_at;
      const reason = run.failure ? failureText(run.failure) : run.state_reason;
      return line(time, `run ${run.id}`, run.state, took(run, now), reason);
    }
    case 'task': {
      const { taskRun } = change;
      const time = timeOf(change);
      const reason = taskRun.failure?.message ?? taskRun.state_reason;
      return line(
        time === LATEST ? now.toISOString() : time,
        subject(taskRun, taskRun.attempt),
        taskRun.state,
        took(taskRun, now),
        reason,
      );
    }
    case 'attempt': {
      const { taskRun, attempt } = change;
      const reason = attempt.failure?.message ?? (attempt.exit_code ? `exit code ${attempt.exit_code}` : undefined);
      const time = attempt.finished_at ?? attempt.started_at ?? now.toISOString();
      return line(time, subject(taskRun, attempt.attempt), attempt.state, took(attempt, now), reason);
    }
  }
}

/** A change as a record of a JSON stream: the object as the API shows it, under its name. */
export function changeRecord(change: RunChange): Record<string, unknown> | undefined {
  switch (change.kind) {
    case 'run': {
      const { task_runs: _, ...run } = change.run;
      return { workflow_run: run };
    }
    case 'task':
      return { task_run: change.taskRun };
    case 'attempt':
      return undefined;
  }
}

function taskChanges(before: TaskRun | undefined, now: TaskRun): RunChange[] {
  const changes: RunChange[] = [];
  const told = new Set(before ? pastAttempts(before).map(({ attempt }) => attempt) : []);
  // Its end was told as that of the task, before it turned out that a retry follows.
  if (before?.finished_at) told.add(before.attempt);
  for (const attempt of pastAttempts(now)) {
    if (!told.has(attempt.attempt)) changes.push({ kind: 'attempt', taskRun: now, attempt });
  }
  const same =
    before?.state === now.state && before.attempt === now.attempt && before.state_reason === now.state_reason;
  if (!same && !(before === undefined && now.state === 'PENDING')) changes.push({ kind: 'task', taskRun: now });
  return changes;
}

function timeOf(change: RunChange): string {
  switch (change.kind) {
    case 'run':
      return change.run.updated_at;
    case 'task': {
      const { finished_at: finishedAt, started_at: startedAt, state } = change.taskRun;
      const before = state === 'RETRYING' ? pastAttempts(change.taskRun).at(-1)?.finished_at : undefined;
      return finishedAt ?? before ?? startedAt ?? LATEST;
    }
    case 'attempt':
      return change.attempt.finished_at ?? '';
  }
}

function subject(taskRun: TaskRun, attempt: number): string {
  return `task ${taskRunName(taskRun)}${attempt > 1 ? ` attempt ${attempt}` : ''}`;
}

function took(subjectTimes: { started_at?: string; finished_at?: string }, now: Date): string {
  const { started_at: startedAt, finished_at: finishedAt } = subjectTimes;
  return startedAt && finishedAt ? ` in ${formatSpan(startedAt, finishedAt, now)}` : '';
}

function line(time: string, what: string, state: string, span: string, reason: string | undefined): string {
  const clock = /T(\d\d:\d\d:\d\d)/.exec(time)?.[1] ?? time;
  return safeLine(`${clock} ${what} ${state}${span}${reason ? `: ${reason}` : ''}`);
}
