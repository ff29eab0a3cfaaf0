import type { Command } from 'commander';
import { path } from '../api-client.js';
import type { Engine, Label, LabelUse, Page, Task } from '../api-types.js';
import type { Cli, Session } from '../cli.js';
import { examples, group, leaf, readNumber } from '../command-options.js';
import { formatTime } from '../format-time.js';
import { readLabels } from '../label-arguments.js';
import { renderFields, renderTable } from '../table.js';
import { getWorkflow } from './workflow-commands.js';

/** `signalbox tasks|labels|engines ...` */
export function addCatalogueCommands(program: Command, cli: Cli): void {
  addTaskCommands(group(program, 'tasks', 'the tasks of a workflow', ['tasks list etl', 'tasks get etl load']), cli);
  addLabelCommands(
    group(program, 'labels', 'labels of workflows and runs', ['labels list', 'labels add run 12 team=ml']),
    cli,
  );
  addEngineCommands(
    group(program, 'engines', 'the engines behind the service', ['engines list', 'engines get local']),
    cli,
  );
}

function addTaskCommands(tasks: Command, cli: Cli): void {
  const list = leaf(
    tasks,
    'list <title> [version]',
    'list the tasks of a version, the latest unless it is given',
  ).action(
    cli.client<object, [string, string | undefined]>(async (session, _options, title, version) => {
      const { terminal, api } = session;
      const where = path('workflows', title, await versionOf(session, title, version), 'tasks');
      const { items } = await api.get<Page<Task>>(where);
      if (terminal.json) return terminal.document({ items });
      const named = namesOf(items);
      terminal.data(
        renderTable(
          [
            { title: 'id', value: (task) => task.id, align: 'right' },
            { title: 'task', value: (task) => task.title },
            { title: 'type', value: (task) => task.type },
            { title: 'after', value: (task) => named(task.upstream_task_ids) },
            { title: 'before', value: (task) => named(task.downstream_task_ids) },
          ],
          items,
          terminal.paint,
        ),
      );
    }),
  );
  examples(list, [['of version 3', 'tasks list etl 3']]);

  const get = leaf(tasks, 'get <title> <task> [version]', 'show one task').action(
    cli.client<object, [string, string, string | undefined]>(async (session, _options, title, name, version) => {
      const { terminal, api } = session;
      const where = path('workflows', title, await versionOf(session, title, version), 'tasks');
      const task = await api.get<Task>(`${where}${path(name)}`);
      if (terminal.json) return terminal.document(task);
      const named = namesOf((await api.get<Page<Task>>(where)).items);
      terminal.data(
        renderFields(
          [
            ['id', task.id],
            ['task', task.title],
            ['display name', task.display_name],
            ['type', task.type],
            ['after', named(task.upstream_task_ids)],
            ['before', named(task.downstream_task_ids)],
          ],
          terminal.paint,
        ),
      );
    }),
  );
  examples(get, [['of the latest version', 'tasks get etl load']]);
}

/** Ids as the titles that people know. */
function namesOf(tasks: readonly Task[]): (ids: readonly number[]) => string {
  const titles = new Map(tasks.map((task) => [task.id, task.title]));
  return (ids) => ids.map((id) => titles.get(id) ?? id).join(', ');
}

function addLabelCommands(labels: Command, cli: Cli): void {
  const list = leaf(labels, 'list', 'the labels that are in use, with counts')
    .option('--prefix <text>', 'only keys that begin so')
    .action(
      cli.client<{ prefix?: string }>(async ({ api, terminal }, { prefix }) => {
        const items: LabelUse[] = [];
        for await (const label of api.all<LabelUse>(path('labels'), { prefix })) items.push(label);
        if (terminal.json) return terminal.document({ items });
        terminal.data(
          renderTable(
            [
              { title: 'key', value: (label) => label.key },
              { title: 'value', value: (label) => label.value },
              { title: 'workflows', value: (label) => label.workflows, align: 'right' },
              { title: 'runs', value: (label) => label.workflow_runs, align: 'right' },
            ],
            items,
            terminal.paint,
          ),
        );
      }),
    );
  examples(list, [['of one family', 'labels list --prefix team']]);

  for (const verb of ['add', 'remove'] as const) {
    const verbs = group(labels, verb, `${verb} labels ${verb === 'add' ? 'to' : 'from'} a run or a workflow`, [
      `labels ${verb} run 12 team=ml`,
      `labels ${verb} workflow etl 3 team=ml`,
    ]);
    const run = leaf(verbs, 'run <id> <labels...>', 'of a run, as KEY=VALUE').action(
      cli.client<object, [string, string[]]>((session, _options, id, texts) =>
        patchLabels(session, path('workflow-runs', readNumber(id, 'run')), verb, texts),
      ),
    );
    examples(run, [['', `labels ${verb} run 12 team=ml stage=test`]]);
    const workflow = leaf(verbs, 'workflow <title> <version> <labels...>', 'of a workflow version').action(
      cli.client<object, [string, string, string[]]>((session, _options, title, version, texts) =>
        patchLabels(session, path('workflows', title, readNumber(version, 'version')), verb, texts),
      ),
    );
    examples(workflow, [['', `labels ${verb} workflow etl 3 team=ml`]]);
  }
}

function addEngineCommands(engines: Command, cli: Cli): void {
  const list = leaf(engines, 'list', 'list the engines and how they are').action(
    cli.client(async ({ api, terminal }) => {
      const answer = await api.get<Page<Engine>>(path('engines'));
      if (terminal.json) return terminal.document(answer);
      terminal.data(
        renderTable(
          [
            { title: 'name', value: (engine) => engine.name },
            { title: 'kind', value: (engine) => engine.kind },
            { title: 'state', value: (engine) => engine.health.state, state: true },
            { title: 'version', value: (engine) => engine.health.version },
            { title: 'ms', value: (engine) => engine.health.latency_ms, align: 'right' },
            { title: 'detail', value: (engine) => engine.health.detail },
          ],
          answer.items,
          terminal.paint,
        ),
      );
    }),
  );
  examples(list, [['', 'engines list']]);

  const get = leaf(engines, 'get <name>', 'show one engine and what it can do').action(
    cli.client<object, [string]>(async ({ api, terminal }, _options, name) => {
      const engine = await api.get<Engine>(path('engines', name));
      if (terminal.json) return terminal.document(engine);
      terminal.data(
        renderFields(
          [
            ['name', engine.name],
            ['kind', engine.kind],
            ['state', engine.health.state],
            ['detail', engine.health.detail],
            ['checked', formatTime(engine.health.checked_at)],
            ['version', engine.health.version],
            ['submit', engine.submit_guarantee],
            ['adopts runs', engine.adopts_runs ? 'yes' : 'no'],
            ...Object.entries(engine.capabilities).map(([verb, how]): [string, string] => [verb, how]),
          ],
          terminal.paint,
        ),
      );
    }),
  );
  examples(get, [['', 'engines get local']]);
}

async function versionOf(session: Session, title: string, version: string | undefined): Promise<number> {
  return version === undefined
    ? (await getWorkflow(session, title, undefined)).version
    : readNumber(version, 'version');
}

async function patchLabels(session: Session, target: string, verb: 'add' | 'remove', texts: string[]): Promise<void> {
  const { api, terminal } = session;
  const change = { add: [] as Label[], remove: [] as Label[], [verb]: readLabels(texts) };
  const { body } = await api.write<unknown>('PATCH', `${target}/labels`, { body: change });
  if (terminal.json) terminal.document(body);
  else terminal.talk(verb === 'add' ? 'The labels are there.' : 'The labels are gone.');
}
