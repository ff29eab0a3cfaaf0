import type { Command } from 'commander';
import { path } from '../api-client.js';
import type { LifecycleAction, TaskRun, WorkflowRun } from '../api-types.js';
import { chooseTaskRun } from '../choose-task-run.js';
import { CliError } from '../cli-error.js';
import type { Cli, Session } from '../cli.js';
import { examples, leaf, position, readNumber } from '../command-options.js';
import { exitCodeOfState } from '../exit-codes.js';
import { requireTask } from '../require-task.js';
import { runFields, waitForRun, watchRun } from '../show-run.js';

interface RequestOptions {
  reason?: string;
  task?: string;
  item?: number;
  dryRun?: boolean;
  watch?: boolean;
  wait?: boolean;
}

const REQUESTS = {
  cancel: { summary: 'stop a run', forTasks: true, example: 'runs cancel 12 --reason "wrong data"' },
  retry: {
    summary: 'run a failed or cancelled run again, from its failed tasks',
    forTasks: true,
    example: 'runs retry 12 --watch',
  },
  pause: { summary: 'hold a run', forTasks: false, example: 'runs pause 12' },
  resume: { summary: 'let a paused run go on', forTasks: false, example: 'runs resume 12' },
} as const;

/** `signalbox runs cancel|retry|pause|resume` */
export function addRunRequestCommands(runs: Command, cli: Cli): void {
  for (const [name, { summary, forTasks, example }] of Object.entries(REQUESTS)) {
    const command = leaf(runs, `${name} <id>`, summary)
      .option('--reason <text>', `kept in the history${name === 'cancel' ? '; that of a single task is not' : ''}`)
      .option('--dry-run', 'only say whether it is possible')
      .option('--watch', 'show the run until it ends; the exit code is then that of the run')
      .option('--wait', 'wait until the run ends; the exit code is then that of the run');
    if (forTasks) {
      command
        .option('--task <title>', name === 'retry' ? 'only this task and what follows it' : 'only this task')
        .option('--item <n>', 'only this item of a task with foreach, from 0; default: all of them', position);
    }
    command.action(
      cli.client<RequestOptions, [string]>((session, options, id) =>
        request(session, name.toUpperCase(), readNumber(id, 'run'), options),
      ),
    );
    examples(command, [['', example]]);
  }
}

async function request(session: Session, type: string, id: number, options: RequestOptions): Promise<number | void> {
  const { api, terminal } = session;
  // Without it the whole run would be meant.
  if (options.item !== undefined && options.task === undefined) throw new CliError('--item needs --task.');
  // The generation says which life of the run is meant: a repeat after a lost answer cannot hit the next one.
  const seen = await api.get<WorkflowRun>(path('workflow-runs', id), { query: { refresh: false } });
  const body = {
    type,
    generation: seen.generation,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const target =
    options.task === undefined
      ? path('workflow-runs', id)
      : path('task-runs', await taskRunId(session, id, options.task, options.item));
  const where = `${target}/lifecycle-events`;
  const dryRun = async (): Promise<LifecycleAction> =>
    (await api.write<LifecycleAction>('POST', where, { body: { ...body, dry_run: true } })).body;
  if (options.dryRun) {
    const answer = await dryRun();
    if (terminal.json) return terminal.document(answer);
    terminal.data(answer.available ? `${type} is possible.\n` : `${type} is not possible: ${answer.reason ?? ''}.\n`);
    return;
  }
  const { status } = await api.write('POST', where, { body });
  if (status === 200) {
    // The request was answered, whatever becomes of the reason.
    const reason = await dryRun().then(
      (answer) => answer.reason,
      () => undefined,
    );
    terminal.talk(reason === undefined ? 'Nothing changed.' : `Nothing changed: ${reason}.`);
  }
  if (status === 202 && !options.watch && !options.wait)
    terminal.talk(`Accepted. Follow it: signalbox runs watch ${id}`);
  if (options.watch) await watchRun(session, id, 'talk');
  if (options.watch || options.wait) {
    const run = await waitForRun(session, id);
    show(session, run);
    return exitCodeOfState(run.state);
  }
  show(session, await api.get<WorkflowRun>(path('workflow-runs', id), { query: { refresh: false } }));
}

async function taskRunId({ api }: Session, run: number, task: string, item: number | undefined): Promise<number> {
  const taskRuns: TaskRun[] = [];
  const query = { task_title: task, limit: 1000 };
  for await (const one of api.all<TaskRun>(path('workflow-runs', run, 'task-runs'), query)) taskRuns.push(one);
  if (taskRuns.length === 0) await requireTask(api, run, task);
  return chooseTaskRun(taskRuns, { run, task, item }).id;
}

function show({ terminal }: Session, run: WorkflowRun): void {
  if (terminal.json) terminal.document(run);
  else terminal.data(runFields(run, terminal.paint));
}
