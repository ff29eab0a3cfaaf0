import { basename } from 'node:path';
import type { Command } from 'commander';
import type { Compilation, ReportRow } from '../../../adapters/spi/compilation.js';
import { CliError } from '../cli-error.js';
import type { Cli, Session } from '../cli.js';
import { examples, leaf } from '../command-options.js';
import { diagnosticLine } from '../diagnostic-line.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readText } from '../read-text.js';
import { renderTable, type Column } from '../table.js';
import type { Terminal } from '../terminal.js';
import { writeFiles } from '../write-files.js';

interface CompileOptions {
  target: string;
  out?: string;
  report?: boolean;
}

const COLUMNS: Column<ReportRow>[] = [
  { title: 'where', value: ({ pointer }) => pointer },
  { title: 'construct', value: ({ construct }) => construct },
  { title: 'support', value: ({ support }) => support },
  { title: 'how, or what instead', value: ({ how }) => how },
];

/** `compile`: a portable definition as an engine's own text. */
export function addCompileCommand(program: Command, cli: Cli): void {
  const compile = leaf(program, 'compile <file>', 'print a portable definition in the language of an engine')
    .requiredOption('--target <engine>', 'kind of the engine, e.g. airflow')
    .option('--out <path>', 'write the file there; a folder where there are several')
    .option('--report', 'print what becomes of each construct: native, emulated, ignored or refused')
    .action(cli.plain<CompileOptions, [string]>(runCompile));
  examples(compile, [
    ['a DAG file for Airflow 2 and 3', 'compile workflow.yaml --target airflow --out workflow.py'],
    ['whether it can be, and how', 'compile workflow.yaml --target airflow --report'],
  ]);
}

async function runCompile({ terminal }: Session, options: CompileOptions, file: string): Promise<ExitCode> {
  const compile = await compilerOf(options.target);
  const compilation = compile(readText(file));
  const refused = compilation.files.length === 0;
  if (options.out !== undefined) writeFiles(compilation.files, options.out);
  show(terminal, file, options, compilation);
  if (refused && !terminal.json) {
    terminal.talk(`${file === '-' ? 'The definition' : basename(file)} cannot be compiled for ${options.target}.`);
  }
  return refused ? EXIT.input : EXIT.ok;
}

async function compilerOf(target: string): Promise<(text: string) => Compilation> {
  const { ENGINE_KINDS } = await import('../../engines/registry.js');
  const compile = ENGINE_KINDS.find(({ kind }) => kind === target)?.compile;
  if (compile !== undefined) return compile;
  const known = ENGINE_KINDS.filter((kind) => kind.compile !== undefined).map(({ kind }) => kind);
  throw new CliError(`"${target}" is no target: expected ${known.join(' or ')}.`);
}

function show(
  terminal: Terminal,
  file: string,
  { target, out, report }: CompileOptions,
  compilation: Compilation,
): void {
  const { files, nameMap, diagnostics } = compilation;
  if (terminal.json) {
    terminal.document({ target, files, name_map: nameMap, report: compilation.report, diagnostics });
    return;
  }
  for (const diagnostic of diagnostics) terminal.talk(diagnosticLine(file, diagnostic));
  // A definition that cannot be read has no report.
  const rows = compilation.report;
  if (report === true) terminal.data(rows.length === 0 ? '' : renderTable(COLUMNS, rows, terminal.paint));
  else if (out === undefined) print(terminal, files);
}

function print(terminal: Terminal, files: Compilation['files']): void {
  const [first, ...more] = files;
  if (more.length > 0) throw new CliError(`There are ${files.length} files: name a folder with --out.`);
  if (first !== undefined) terminal.foreign(first.text);
}
