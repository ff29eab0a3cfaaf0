import type { Command } from 'commander';
import { path } from '../api-client.js';
import type { LifecycleEvent, Page, Workflow, WorkflowRun } from '../api-types.js';
import type { Cli, Session } from '../cli.js';
import {
  addListOptions,
  examples,
  leaf,
  positive,
  readNumber,
  repeated,
  type ListOptions,
} from '../command-options.js';
import { followEvents } from '../event-stream.js';
import { EXIT, exitCodeOfState, type ExitCode } from '../exit-codes.js';
import { formatSpan, formatTime } from '../format-time.js';
import { readLabels } from '../label-arguments.js';
import { declaredTypes, readAssignments, readParametersFile } from '../parameters.js';
import { safeLine } from '../safe-text.js';
import { showList } from '../show-list.js';
import { runFields, waitForRun, watchRun } from '../show-run.js';
import { renderTable, type Column } from '../table.js';

interface StartOptions {
  version?: number;
  param?: string[];
  paramsFile?: string;
  label?: string[];
  watch?: boolean;
  wait?: boolean;
}

interface ListFilters extends ListOptions {
  state?: string[];
  workflow?: string;
  workflowVersion?: number;
  engine?: string;
  externalId?: string;
  createdAfter?: string;
  createdBefore?: string;
  selector?: string;
}

const RUN_COLUMNS: Column<WorkflowRun>[] = [
  { title: 'id', value: (run) => run.id, align: 'right' },
  { title: 'workflow', value: (run) => `${run.workflow.title} v${run.workflow.version}` },
  { title: 'engine', value: (run) => run.workflow_engine },
  { title: 'state', value: (run) => run.state, state: true },
  { title: 'created', value: (run) => formatTime(run.created_at) },
  { title: 'took', value: (run) => formatSpan(run.started_at, run.finished_at, new Date()), align: 'right' },
  { title: 'labels', value: (run) => run.labels.map(({ key, value }) => `${key}=${value}`).join(' ') },
];

const EVENT_COLUMNS: Column<LifecycleEvent>[] = [
  { title: 'seq', value: (event) => event.seq, align: 'right' },
  { title: 'at', value: (event) => formatTime(event.at) },
  { title: 'type', value: (event) => event.type },
  { title: 'from', value: (event) => event.from, state: true },
  { title: 'to', value: (event) => event.to, state: true },
  { title: 'generation', value: (event) => event.generation, align: 'right' },
  { title: 'source', value: (event) => event.source },
  { title: 'reason', value: (event) => event.reason },
];

/** `signalbox runs start|list|get|watch|events`; requests and logs stand beside them. */
export function addRunCommands(runs: Command, cli: Cli): void {
  const start = leaf(runs, 'start <title>', 'start a run of a workflow')
    .option('--version <n>', 'this version; default: the latest that is ready', positive)
    .addOption(
      repeated('-p, --param <name=value>', 'a parameter; NAME=@FILE takes the content of a file; may be repeated'),
    )
    .option('--params-file <file>', 'parameters as JSON or YAML; -p goes over them')
    .addOption(repeated('--label <key=value>', 'a label of the run; may be repeated'))
    .option('--watch', 'show it until it ends; the exit code is then that of the run')
    .option('--wait', 'say nothing until it ends; the exit code is then that of the run')
    .action(
      cli.client<StartOptions, [string]>(async (session, options, title) => {
        const body = {
          workflow: { title, ...(options.version === undefined ? {} : { version: options.version }) },
          parameters: await parametersFor(session, title, options),
          labels: readLabels(options.label ?? []),
        };
        const { body: created } = await session.api.write<WorkflowRun>('POST', path('workflow-runs'), { body });
        if (!options.watch && !options.wait) {
          show(session, created);
          session.terminal.talk(`Follow it: signalbox runs watch ${created.id}`);
          return;
        }
        if (options.watch) await watchRun(session, created.id, 'talk');
        const run = await waitForRun(session, created.id);
        show(session, run);
        return exitCodeOfState(run.state);
      }),
    );
  examples(start, [
    ['with a number and a text from a file', 'runs start etl -p rows=500 -p query=@query.sql'],
    ['and see it through', 'runs start etl --version 3 --label team=ml --watch'],
  ]);

  const list = addListOptions(leaf(runs, 'list', 'list runs, newest first'))
    .addOption(repeated('--state <state>', 'only in this state; may be repeated'))
    .option('--workflow <title>', 'only of this workflow')
    .option('--workflow-version <n>', 'only of this version', positive)
    .option('--engine <name>', 'only on this engine')
    .option('--external-id <id>', 'only the run that the engine knows by this id')
    .option('--created-after <time>', 'RFC 3339, e.g. 2026-01-31T00:00:00Z')
    .option('--created-before <time>', 'RFC 3339')
    .option('-l, --selector <selector>', 'only with such labels, e.g. "team=ml,stage in (dev,test),!old"')
    .action(
      cli.client<ListFilters>(async (session, options) => {
        const query = {
          state: options.state?.map((state) => state.toUpperCase()),
          workflow_title: options.workflow,
          workflow_version: options.workflowVersion,
          workflow_engine: options.engine,
          external_id: options.externalId,
          created_after: options.createdAfter,
          created_before: options.createdBefore,
          label_selector: options.selector,
        };
        await showList(session, path('workflow-runs'), query, options, RUN_COLUMNS);
      }),
    );
  examples(list, [
    ['what failed lately', 'runs list --state FAILED --limit 20'],
    ['all ids', 'runs list --all --json | jq ".items[].id"'],
  ]);

  const get = leaf(runs, 'get <id>', 'show a run as it is now')
    .option('--tasks', 'with its task runs')
    .action(
      cli.client<{ tasks?: boolean }, [string]>(async (session, options, id) => {
        const query = options.tasks ? { include: 'task_runs' } : {};
        const run = await session.api.get<WorkflowRun>(path('workflow-runs', readNumber(id, 'run')), { query });
        show(session, run);
        if (!session.terminal.json && options.tasks) session.terminal.data(`\n${taskRunTable(session, run)}`);
      }),
    );
  examples(get, [['as the service tells it', 'runs get 12 --tasks --json']]);

  const watch = leaf(runs, 'watch <id>', 'show a run until it ends; exit code 0 if it completed, 1 if not').action(
    cli.client<object, [string]>(async (session, _options, id): Promise<ExitCode> => {
      const run = await watchRun(session, readNumber(id, 'run'), 'data');
      return exitCodeOfState(run.state);
    }),
  );
  examples(watch, [
    ['a tree on a terminal, one line per change elsewhere', 'runs watch 12'],
    ['one JSON object per change', 'runs watch 12 --json'],
  ]);

  const events = leaf(runs, 'events <id>', 'the history of a run')
    .option('-f, --follow', 'go on until the run ends')
    .action(
      cli.client<{ follow?: boolean }, [string]>(async (session, options, id) => {
        const where = path('workflow-runs', readNumber(id, 'run'), 'lifecycle-events');
        if (options.follow) return followHistory(session, where);
        const { terminal, api } = session;
        const items: LifecycleEvent[] = [];
        for await (const event of api.all<LifecycleEvent>(where, { limit: 1000 })) items.push(event);
        items.sort((a, b) => a.seq - b.seq);
        if (terminal.json) terminal.document({ items });
        else terminal.data(renderTable(EVENT_COLUMNS, items, terminal.paint));
      }),
    );
  examples(events, [['as JSON lines, while they happen', 'runs events 12 --follow --json']]);
}

async function parametersFor(session: Session, title: string, options: StartOptions): Promise<Record<string, unknown>> {
  const fromFile = options.paramsFile === undefined ? {} : readParametersFile(options.paramsFile);
  if (!options.param?.length) return fromFile;
  const workflow = await workflowToStart(session, title, options.version);
  return { ...fromFile, ...readAssignments(options.param, declaredTypes(workflow?.workflow_parameters ?? [])) };
}

/** The version that the service would take: the latest READY, else the latest that still becomes it. */
async function workflowToStart(
  session: Session,
  title: string,
  version: number | undefined,
): Promise<Workflow | undefined> {
  if (version !== undefined) return session.api.get<Workflow>(path('workflows', title, version));
  const { items } = await session.api.get<Page<Workflow>>(path('workflows', title), { query: { limit: 50 } });
  const inState = (state: string): Workflow | undefined => items.find((item) => item.registration.state === state);
  return inState('READY') ?? inState('PENDING') ?? items[0];
}

function show({ terminal }: Session, run: WorkflowRun): void {
  if (terminal.json) terminal.document(run);
  else terminal.data(runFields(run, terminal.paint));
}

function taskRunTable({ terminal }: Session, run: WorkflowRun): string {
  return renderTable(
    [
      { title: 'task', value: (taskRun) => taskRun.task_title },
      { title: 'item', value: (taskRun) => ((taskRun.map_index ?? -1) < 0 ? '' : taskRun.map_index), align: 'right' },
      { title: 'state', value: (taskRun) => taskRun.state, state: true },
      { title: 'attempt', value: (taskRun) => taskRun.attempt, align: 'right' },
      {
        title: 'took',
        value: (taskRun) => formatSpan(taskRun.started_at, taskRun.finished_at, new Date()),
        align: 'right',
      },
      { title: 'reason', value: (taskRun) => taskRun.failure?.message ?? taskRun.state_reason },
    ],
    run.task_runs ?? [],
    terminal.paint,
  );
}

/** What happened and what happens, until the run has ended. */
async function followHistory({ terminal, api, signal }: Session, where: string): Promise<ExitCode> {
  for await (const message of followEvents(api, where, {
    onLost: () => terminal.talk('connection lost, trying again'),
  })) {
    if (message.data === '') continue;
    const event = JSON.parse(message.data) as LifecycleEvent;
    if (typeof event.seq !== 'number') continue;
    if (terminal.json) terminal.record(event);
    else terminal.data(`${eventLine(event)}\n`);
  }
  signal.throwIfAborted();
  return EXIT.ok;
}

function eventLine(event: LifecycleEvent): string {
  const move = event.to ? ` ${event.from ? `${event.from} -> ` : ''}${event.to}` : '';
  const reason = event.reason ? `: ${event.reason}` : '';
  return safeLine(`${formatTime(event.at)} ${event.type}${move} (${event.source})${reason}`);
}
