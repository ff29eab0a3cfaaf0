import { type Command, Option } from 'commander';
import type { Cli, Session } from '../cli.js';
import { examples, leaf } from '../command-options.js';
import { diagnosticLine } from '../diagnostic-line.js';
import { EXIT } from '../exit-codes.js';
import { readDefinition } from '../read-definition.js';
import { readText } from '../read-text.js';

const GRAPH_FORMATS = ['ascii', 'mermaid', 'dot'] as const;
type GraphFormat = (typeof GRAPH_FORMATS)[number];

/** The commands on a portable definition that need no service: `validate`, `graph`, `hash`. */
export function addDefinitionCommands(program: Command, cli: Cli): void {
  const validate = leaf(program, 'validate <file>', 'check a portable definition; exit code 2 when it has errors')
    .option('--strict', 'warnings are errors')
    .action(cli.plain<{ strict?: boolean }, [string]>(runValidate));
  examples(validate, [
    ['every problem at once, as FILE:line:column', 'validate workflow.yaml'],
    ['from a pipe, for a program', 'validate - --json < workflow.yaml'],
  ]);

  const graph = leaf(program, 'graph <file>', 'print the tasks of a portable definition as a graph')
    .addOption(new Option('--format <format>', 'of the text').choices(GRAPH_FORMATS).default('ascii'))
    .action(
      cli.plain<{ format: GraphFormat }, [string]>(async ({ terminal }, { format }, file) => {
        const { definition } = await readDefinition(file, terminal);
        const { toTaskGraph } = await import('../../../definition/task-graph.js');
        const { toAscii, toDot, toMermaid } = await import('../../../definition/graph-text.js');
        const tasks = toTaskGraph(definition);
        if (terminal.json) return terminal.document(tasks);
        const draw = { ascii: toAscii, dot: toDot, mermaid: toMermaid }[format];
        terminal.data(draw(tasks));
      }),
    );
  examples(graph, [
    ['a picture', 'graph workflow.yaml --format dot | dot -Tsvg > workflow.svg'],
    ['for a page', 'graph workflow.yaml --format mermaid'],
  ]);

  const hash = leaf(program, 'hash <file>', 'print the content hash: equal for definitions that mean the same').action(
    cli.plain<object, [string]>(async ({ terminal }, _options, file) => {
      const { hash: digest } = await readDefinition(file, terminal);
      if (terminal.json) terminal.document({ hash: digest });
      else terminal.data(`${digest}\n`);
    }),
  );
  examples(hash, [['', 'hash workflow.yaml']]);
}

async function runValidate({ terminal }: Session, options: { strict?: boolean }, file: string): Promise<number> {
  const { parseDefinition } = await import('../../../definition/parse-definition.js');
  const parsed = parseDefinition(readText(file));
  const diagnostics = parsed.diagnostics.map((one) => (options.strict ? { ...one, severity: 'error' as const } : one));
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  if (terminal.json) {
    terminal.document({ valid: errors === 0, diagnostics, ...(parsed.ok ? { hash: parsed.hash } : {}) });
  } else {
    for (const diagnostic of diagnostics) terminal.data(`${diagnosticLine(file, diagnostic)}\n`);
    const warnings = diagnostics.length - errors;
    terminal.talk(
      errors === 0
        ? `${file} is valid${count(', ', warnings, 'warning')}.`
        : `${file}:${count(' ', errors, 'error')}${count(', ', warnings, 'warning')}.`,
    );
  }
  return errors === 0 ? EXIT.ok : EXIT.input;
}

function count(lead: string, number: number, noun: string): string {
  return number === 0 ? '' : `${lead}${number} ${noun}${number === 1 ? '' : 's'}`;
}
