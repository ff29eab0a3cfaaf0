import type { Command } from 'commander';
import { path } from '../api-client.js';
import type { EngineWorkflow, ImportItem, Page } from '../api-types.js';
import { CliError } from '../cli-error.js';
import type { Cli, Session } from '../cli.js';
import { examples, leaf } from '../command-options.js';
import { EXIT } from '../exit-codes.js';
import { safeLine } from '../safe-text.js';
import { renderTable, type Column } from '../table.js';

interface DiscoverOptions {
  engine: string;
  selector?: string;
}

interface ImportOptions extends DiscoverOptions {
  dryRun?: boolean;
}

/** References of one request: each is a look at the engine. */
const BATCH = 25;

const COLUMNS: Column<EngineWorkflow>[] = [
  { title: 'reference', value: ({ reference }) => reference },
  { title: 'title', value: ({ name, workflow }) => workflow?.title ?? name },
  { title: 'labels', value: ({ labels }) => labels.map(({ key, value }) => `${key}=${value}`).join(' ') },
  { title: 'paused', value: ({ paused }) => (paused ? 'yes' : '') },
  { title: 'imported as', value: ({ workflow }) => workflow && `${workflow.title} version ${workflow.version}` },
  { title: 'why not', value: ({ obstacle }) => obstacle?.message },
];

/** `signalbox workflows discover|import` */
export function addImportCommands(workflows: Command, cli: Cli): void {
  const discover = leaf(workflows, 'discover', 'show what an engine has that could be imported')
    .requiredOption('--engine <name>', 'the engine')
    .option('-l, --selector <selector>', 'only with such labels; tags are labels of the key "tag"')
    .action(
      cli.client<DiscoverOptions>(async (session, { engine, selector }) => {
        const { items, gaps } = await discovered(session, engine, selector);
        const { terminal } = session;
        if (terminal.json) return terminal.document({ items, ...(gaps.length > 0 ? { gaps } : {}) });
        terminal.data(renderTable(COLUMNS, items, terminal.paint));
        for (const gap of gaps) terminal.talk(safeLine(gap));
      }),
    );
  examples(discover, [
    ['everything', 'workflows discover --engine airflow-prod'],
    ['what has the tag nightly', 'workflows discover --engine airflow-prod --selector tag=nightly'],
  ]);

  const importing = leaf(
    workflows,
    'import [names...]',
    'register what an engine has: these, or all that match; repeatable',
  )
    .requiredOption('--engine <name>', 'the engine')
    .option('-l, --selector <selector>', 'instead of names: only with such labels')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action(
      cli.client<ImportOptions, [string[]]>(async (session, options, names) => {
        if (names.length > 0 && options.selector !== undefined) {
          throw new CliError('Give names or --selector, not both.');
        }
        const items =
          names.length > 0
            ? await importNamed(session, options, [...new Set(names)])
            : await importMatching(session, options);
        const refused = items.filter(({ outcome }) => outcome === 'REFUSED');
        // What somebody named and cannot be had is a mistake; what merely matched is told and left.
        if (names.length > 0 && refused.length > 0) return EXIT.input;
        return EXIT.ok;
      }),
    );
  examples(importing, [
    ['first see what would be done', 'workflows import --engine airflow-prod --selector tag=nightly --dry-run'],
    ['two DAGs', 'workflows import --engine airflow-prod daily_sales weekly_report'],
    ['a template of the whole cluster', 'workflows import --engine argo ClusterWorkflowTemplate/train'],
  ]);
}

async function discovered(
  { api }: Session,
  engine: string,
  selector: string | undefined,
): Promise<{ items: EngineWorkflow[]; gaps: string[] }> {
  const items: EngineWorkflow[] = [];
  const gaps: string[] = [];
  let cursor: string | undefined;
  do {
    const query = { label_selector: selector, cursor };
    const { page, nextCursor } = await api.page<EngineWorkflow>(path('engines', engine, 'workflows'), query);
    items.push(...page.items);
    gaps.push(...((page as Page<EngineWorkflow> & { gaps?: string[] }).gaps ?? []));
    cursor = nextCursor;
  } while (cursor !== undefined);
  return { items, gaps };
}

async function importMatching(session: Session, options: ImportOptions): Promise<ImportItem[]> {
  const { items, gaps } = await discovered(session, options.engine, options.selector);
  const { terminal } = session;
  if (!terminal.json) for (const gap of gaps) terminal.talk(safeLine(gap));
  // The list said of these already what an import would say.
  const known = items.flatMap((offer) => knownOutcome(offer) ?? []);
  const open = items.filter((offer) => knownOutcome(offer) === undefined).map(({ reference }) => reference);
  return importNamed(session, options, open, known);
}

function knownOutcome({ reference, workflow, obstacle }: EngineWorkflow): ImportItem | undefined {
  if (workflow) return { reference, outcome: 'UNCHANGED', title: workflow.title, workflow, notes: [] };
  return obstacle && { reference, outcome: 'REFUSED', obstacle, notes: [] };
}

/** Imports batch by batch, and prints a line for each; `known` come first. */
async function importNamed(
  { api, terminal }: Session,
  { engine, dryRun = false }: ImportOptions,
  references: string[],
  known: ImportItem[] = [],
): Promise<ImportItem[]> {
  const items = [...known];
  const show = (some: ImportItem[]): void => {
    if (!terminal.json) for (const item of some) terminal.data(`${lineOf(item, dryRun)}\n`);
  };
  show(known);
  for (let at = 0; at < references.length; at += BATCH) {
    const body = { references: references.slice(at, at + BATCH), ...(dryRun ? { dry_run: true } : {}) };
    const answer = await api.write<{ items: ImportItem[] }>('POST', path('engines', engine, 'import'), { body });
    items.push(...answer.body.items);
    show(answer.body.items);
  }
  if (terminal.json) terminal.document({ items, dry_run: dryRun });
  else terminal.talk(summary(items, dryRun));
  return items;
}

function lineOf({ reference, outcome, title, workflow, obstacle, notes }: ImportItem, dryRun: boolean): string {
  const version = workflow ? ` version ${workflow.version}` : '';
  switch (outcome) {
    case 'IMPORTED': {
      const left = notes.map((note) => `; ${note}`).join('');
      return safeLine(`${dryRun ? 'would be imported' : 'imported'}  ${reference} as ${title ?? ''}${version}${left}`);
    }
    case 'UNCHANGED':
      return safeLine(`unchanged  ${reference} is ${title ?? ''}${version}`);
    case 'REFUSED':
      return safeLine(`refused  ${reference}: ${obstacle?.message ?? ''}`);
  }
}

function summary(items: readonly ImportItem[], dryRun: boolean): string {
  const count = (outcome: ImportItem['outcome']): number => items.filter((item) => item.outcome === outcome).length;
  const first = `${count('IMPORTED')} ${dryRun ? 'would be imported' : 'imported'}`;
  return `${first}, ${count('UNCHANGED')} unchanged, ${count('REFUSED')} refused.`;
}
