import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { ApiProblem } from '../api-problem.js';
import { path } from '../api-client.js';
import { hasEnded, type TaskRun, type WorkflowRun } from '../api-types.js';
import type { Cli, Session } from '../cli.js';
import { examples, leaf, positive, readNumber } from '../command-options.js';
import { followLog, readLog, startedInOrder, wholeLines } from '../log-reader.js';
import { requireTask } from '../require-task.js';
import { isItem, taskRunName } from '../run-view.js';
import { safeLine } from '../safe-text.js';
import { whyNoLog } from '../why-no-log.js';

interface LogOptions {
  attempt?: number;
  follow?: boolean;
}

/** Between two looks for tasks that have begun meanwhile. */
const LOOK_EVERY_MS = 1_000;

/** `signalbox runs logs ID [TASK]` */
export function addLogCommand(runs: Command, cli: Cli): void {
  const logs = leaf(runs, 'logs <id> [task]', 'print what the tasks of a run wrote')
    .option('--attempt <n>', 'of this attempt; default: the latest', positive)
    .option('-f, --follow', 'go on until the run ends')
    .action(
      cli.client<LogOptions, [string, string | undefined]>(async (session, options, id, task) => {
        const run = readNumber(id, 'run');
        if (options.follow) return followLogs(session, run, task, options);
        const taskRuns = await taskRunsOf(session, run, task);
        const shown = startedInOrder(taskRuns);
        if (shown.length === 0) {
          const where = path('workflow-runs', run);
          const { state } = await session.api.get<WorkflowRun>(where, { query: { refresh: false } });
          return session.terminal.talk(safeLine(whyNoLog(taskRuns, { task, ended: hasEnded(state) })));
        }
        for (const taskRun of shown) {
          const alone = isAlone(taskRun, task);
          const pieces = readLog(session.api, taskRun.id, options.attempt);
          const attempt = options.attempt ?? taskRun.attempt;
          await print(session, { ...taskRun, attempt }, skipAbsent(pieces, session, taskRun, alone), alone);
        }
      }),
    );
  examples(logs, [
    ['of all tasks, each line with the task in front', 'runs logs 12'],
    ['of the first attempt of one task, untouched', 'runs logs 12 load --attempt 1 > load.log'],
    ['while they are written', 'runs logs 12 --follow'],
  ]);
}

/** Follows every task run that begins, side by side, until the run has ended and every log is complete. */
async function followLogs(session: Session, id: number, task: string | undefined, options: LogOptions): Promise<void> {
  const following = new Map<string, Promise<void>>();
  const onLost = (): void => session.terminal.talk('connection lost, trying again');
  for (;;) {
    const run = await session.api.get<WorkflowRun>(path('workflow-runs', id), { patienceMs: 120_000 });
    const taskRuns = await taskRunsOf(session, id, task);
    for (const taskRun of startedInOrder(taskRuns)) {
      const attempt = options.attempt ?? taskRun.attempt;
      const key = `${taskRun.id}/${attempt}`;
      if (following.has(key)) continue;
      const alone = isAlone(taskRun, task);
      const ahead = attempt > taskRun.attempt;
      // Until the run has ended the attempt may still begin.
      if (ahead && !alone && !hasEnded(run.state)) continue;
      const pieces = followLog(session.api, taskRun.id, { attempt, onLost });
      const left = skipAbsent(pieces, session, taskRun, ahead && alone);
      following.set(key, print(session, { ...taskRun, attempt }, left, alone));
    }
    if (hasEnded(run.state)) {
      if (following.size === 0) session.terminal.talk(safeLine(whyNoLog(taskRuns, { task, ended: true })));
      break;
    }
    await Promise.race([sleep(LOOK_EVERY_MS, undefined, { signal: session.signal }), failure(following)]);
  }
  await Promise.all(following.values());
}

async function taskRunsOf({ api }: Session, id: number, task: string | undefined): Promise<TaskRun[]> {
  const taskRuns: TaskRun[] = [];
  const query = { task_title: task, limit: 1000 };
  for await (const taskRun of api.all<TaskRun>(path('workflow-runs', id, 'task-runs'), query)) taskRuns.push(taskRun);
  if (task !== undefined && taskRuns.length === 0) await requireTask(api, id, task);
  return taskRuns;
}

/** Of a task with `foreach` the others may only begin after the first. */
function isAlone(taskRun: TaskRun, task: string | undefined): boolean {
  return task !== undefined && !isItem(taskRun);
}

/** One task's log goes out as it is; several stand side by side, so each line says whose it is. */
async function print(
  { terminal }: Session,
  taskRun: TaskRun,
  pieces: AsyncIterable<string>,
  alone: boolean,
): Promise<void> {
  const name = taskRunName(taskRun);
  if (terminal.json) {
    for await (const line of wholeLines(pieces)) {
      terminal.record({ task_run_id: taskRun.id, task: name, attempt: taskRun.attempt, line });
    }
  } else if (alone) {
    for await (const piece of pieces) terminal.foreign(piece);
  } else {
    const lead = terminal.paint('cyan', `${name} | `);
    for await (const line of wholeLines(pieces)) {
      terminal.data(lead);
      terminal.foreign(`${line}\n`);
    }
  }
}

/** Among several logs one that is not there is a remark; asked for alone it is the answer. */
async function* skipAbsent(
  pieces: AsyncIterable<string>,
  { terminal }: Session,
  taskRun: TaskRun,
  alone: boolean,
): AsyncGenerator<string> {
  try {
    yield* pieces;
  } catch (error) {
    const absence = alone ? undefined : absenceIn(error);
    if (absence === undefined) throw error;
    terminal.talk(`${taskRunName(taskRun)}: ${absence}`);
  }
}

/** What is to be said of a log that is not there; undefined: the error is another one. */
function absenceIn(error: unknown): string | undefined {
  if (!(error instanceof ApiProblem)) return undefined;
  if (error.status === 410 || error.status === 404) return error.message;
  return error.errors.some(({ code }) => code === 'no-such-attempt') ? 'There is no such attempt.' : undefined;
}

/** Rejects when one of them does; never resolves. */
function failure(following: ReadonlyMap<string, Promise<void>>): Promise<never> {
  return new Promise((_, reject) => following.forEach((one) => void one.catch(reject)));
}
