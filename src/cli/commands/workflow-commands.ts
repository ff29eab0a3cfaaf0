import type { Command } from 'commander';
import { namedParameters } from '../../../definition/parameter-names.js';
import { path } from '../api-client.js';
import type { Diagnostic, Page, Workflow, WorkflowParameter } from '../api-types.js';
import { CliError } from '../cli-error.js';
import type { Cli, Session } from '../cli.js';
import { addListOptions, examples, group, leaf, readNumber, repeated, type ListOptions } from '../command-options.js';
import { formatOf } from '../definition-format.js';
import { inFile } from '../definition-refused.js';
import { diagnosticLine } from '../diagnostic-line.js';
import { EXIT } from '../exit-codes.js';
import { formatTime } from '../format-time.js';
import { readLabels } from '../label-arguments.js';
import { readText } from '../read-text.js';
import { safeJson } from '../safe-text.js';
import { showList } from '../show-list.js';
import { renderFields, type Column } from '../table.js';
import { addImportCommands } from './import-commands.js';

interface CreateOptions {
  engine: string;
  title?: string;
  format?: string;
  label?: string[];
  parameters?: string;
}

const COLUMNS: Column<Workflow>[] = [
  { title: 'id', value: (workflow) => workflow.id, align: 'right' },
  { title: 'title', value: (workflow) => workflow.title },
  { title: 'version', value: (workflow) => workflow.version, align: 'right' },
  { title: 'engine', value: (workflow) => workflow.workflow_engine },
  { title: 'format', value: (workflow) => workflow.definition_format },
  { title: 'state', value: (workflow) => workflow.registration.state, state: true },
  { title: 'labels', value: (workflow) => workflow.labels.map(({ key, value }) => `${key}=${value}`).join(' ') },
  { title: 'created', value: (workflow) => formatTime(workflow.created_at) },
];

/** `signalbox workflows ...` */
export function addWorkflowCommands(program: Command, cli: Cli): void {
  const workflows = group(program, 'workflows', 'register workflows and look at them', [
    'workflows create workflow.yaml',
    'workflows list -l team=ml',
    'workflows get etl',
  ]);

  const create = withDefinitionOptions(leaf(workflows, 'create <file>', 'register the next version of a workflow'))
    .addOption(repeated('--label <key=value>', 'a label; may be repeated'))
    .action(
      cli.client<CreateOptions, [string]>(async ({ api, terminal }, options, file) => {
        const { body: definition, guess } = toBody(file, options);
        const body = { ...definition, labels: readLabels(options.label ?? []) };
        const answer = await api
          .write<Workflow>('POST', path('workflows'), { body })
          .catch((error: unknown) => inFile(error, file, guess));
        if (terminal.json) return terminal.document(answer.body);
        const { title, version, registration } = answer.body;
        terminal.data(fields(answer.body, terminal.paint));
        if (registration.state === 'READY') terminal.talk(`Start it: signalbox runs start ${quoted(title)}`);
        else terminal.talk(`The engine is registering version ${version}.`);
      }),
    );
  examples(create, [
    ['for the local engine', 'workflows create workflow.yaml'],
    ['for another engine of ENGINES_FILE', 'workflows create workflow.yaml --engine bench --label team=ml'],
  ]);

  const validate = withDefinitionOptions(
    leaf(workflows, 'validate <file>', 'let the service check it; stores nothing'),
  ).action(
    cli.client<CreateOptions, [string]>(async ({ api, terminal }, options, file) => {
      const { body: definition, guess } = toBody(file, options);
      const { body } = await api
        .write<{ valid: boolean; diagnostics: Diagnostic[] }>('POST', path('workflows', 'validate'), {
          body: definition,
        })
        .catch((error: unknown) => inFile(error, file, guess));
      if (terminal.json) terminal.document(body);
      else for (const diagnostic of body.diagnostics) terminal.data(`${diagnosticLine(file, diagnostic)}\n`);
      if (!body.valid) {
        if (guess !== undefined) terminal.talk(guess);
        return EXIT.input;
      }
      terminal.talk(`${file} is valid for the engine ${options.engine}.`);
    }),
  );
  examples(validate, [['as the engine named bench would take it', 'workflows validate workflow.yaml --engine bench']]);

  addImportCommands(workflows, cli);

  const list = addListOptions(leaf(workflows, 'list', 'list workflows, newest first'))
    .option('--title <title>', 'only the versions of this title')
    .option('--engine <name>', 'only of this engine')
    .option('-l, --selector <selector>', 'only with such labels, e.g. "team=ml,stage in (dev,test),!old"')
    .option('--archived', 'archived ones too')
    .action(
      cli.client<ListOptions & { title?: string; engine?: string; selector?: string; archived?: boolean }>(
        async (session, options) => {
          const query = {
            workflow_title: options.title,
            workflow_engine: options.engine,
            label_selector: options.selector,
            archived: options.archived,
          };
          await showList(session, path('workflows'), query, options, COLUMNS);
        },
      ),
    );
  examples(list, [
    ['the newest ones', 'workflows list --limit 20'],
    ['by label', 'workflows list -l team=ml --all'],
  ]);

  const get = leaf(workflows, 'get <title> [version]', 'show one version, the latest unless it is given')
    .option('--definition', 'print only the text of the definition')
    .action(
      cli.client<{ definition?: boolean }, [string, string | undefined]>(
        async ({ api, terminal, ...rest }, options, title, version) => {
          const workflow = await getWorkflow({ api, terminal, ...rest }, title, version);
          if (options.definition) return terminal.foreign(workflow.definition);
          if (terminal.json) return terminal.document(workflow);
          terminal.data(fields(workflow, terminal.paint));
        },
      ),
    );
  examples(get, [
    ['the latest version', 'workflows get etl'],
    ['the text of version 3', 'workflows get etl 3 --definition > workflow.yaml'],
  ]);

  const archive = leaf(workflows, 'archive <title> <version>', 'take a version out of use; its runs stay readable')
    .option('--force', 'cancel its active runs')
    .action(
      cli.client<{ force?: boolean }, [string, string]>(async ({ api, terminal }, options, title, version) => {
        await api.write('DELETE', path('workflows', title, readNumber(version, 'version')), {
          query: options.force ? { force: true } : {},
        });
        if (terminal.json) terminal.document({ title, version: Number(version), archived: true });
        else terminal.talk(`${title} version ${version} is archived.`);
      }),
    );
  examples(archive, [['also while it runs', 'workflows archive etl 3 --force']]);
}

/** A version of a title; without a number the latest. Throws `CliError` when there is none. */
export async function getWorkflow(session: Session, title: string, version: string | undefined): Promise<Workflow> {
  if (version !== undefined) {
    return session.api.get<Workflow>(path('workflows', title, readNumber(version, 'version')));
  }
  const { items } = await session.api.get<Page<Workflow>>(path('workflows', title), { query: { latest: true } });
  const [latest] = items;
  if (latest === undefined) throw new CliError(`There is no workflow ${title}.`);
  return latest;
}

function withDefinitionOptions(command: Command): Command {
  return command
    .option('--engine <name>', 'the engine that will run it', 'local')
    .option('--title <title>', 'its title; a portable definition has one of its own')
    .option('--format <format>', 'signalbox/v1, native or reference; default: what the text looks like')
    .option('--parameters <file>', 'the workflow_parameters of a native definition, as JSON');
}

/** `guess`: a sentence on the format, where nobody named it. */
function toBody(file: string, options: CreateOptions): { body: Record<string, unknown>; guess: string | undefined } {
  const definition = readText(file);
  const { format, guess } = formatOf(definition, { file, engine: options.engine, named: options.format });
  const body: Record<string, unknown> = { workflow_engine: options.engine, definition_format: format, definition };
  if (options.title !== undefined) body['title'] = options.title;
  if (options.parameters !== undefined) body['workflow_parameters'] = readJson(options.parameters);
  return { body, guess };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readText(file));
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function fields(workflow: Workflow, paint: Session['terminal']['paint']): string {
  return renderFields(
    [
      ['id', workflow.id],
      ['title', workflow.title],
      ['display name', workflow.display_name],
      ['version', workflow.version],
      ['engine', workflow.workflow_engine],
      ['format', workflow.definition_format],
      ['digest', workflow.definition_digest],
      ['state', workflow.registration.state],
      ['labels', workflow.labels.map(({ key, value }) => `${key}=${value}`).join(' ')],
      ['parameters', namedParameters(workflow.workflow_parameters).map(parameterText).join(', ')],
      ['created', formatTime(workflow.created_at)],
      ['archived', formatTime(workflow.archived_at)],
      ...workflow.registration.diagnostics.map((one): [string, string] => [
        one.severity,
        `${one.pointer} ${one.message}`,
      ]),
    ],
    paint,
  );
}

function parameterText([name, { ui_form: form }]: [string, WorkflowParameter]): string {
  const preset = 'default' in form ? ` = ${safeJson(form.default)}` : form.required ? ' (required)' : '';
  return `${name}: ${form.type}${preset}`;
}

function quoted(title: string): string {
  return title.includes(' ') ? `"${title}"` : title;
}
