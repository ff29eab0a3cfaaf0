import type { Command } from 'commander';
import type { Json } from '../../../definition/definition-types.js';
import { CliError } from '../cli-error.js';
import type { Cli } from '../cli.js';
import { examples, leaf, repeated } from '../command-options.js';
import { runOffline } from '../offline-run.js';
import { readAssignments, readParametersFile, schemaTypes } from '../parameters.js';
import { readDefinition } from '../read-definition.js';

interface RunOptions {
  param?: string[];
  paramsFile?: string;
  keep?: boolean;
}

/** `signalbox run FILE`: everything in one process and a temporary folder, nothing needed beforehand. */
export function addOfflineRunCommand(program: Command, cli: Cli): void {
  const run = leaf(program, 'run <file>', 'run a portable definition here and now, without a service')
    .addOption(
      repeated('-p, --param <name=value>', 'a parameter; NAME=@FILE takes the content of a file; may be repeated'),
    )
    .option('--params-file <file>', 'parameters as JSON or YAML; -p goes over them')
    .option('--keep', 'keep the temporary folder: database, logs, working folders of the tasks')
    .action(
      cli.plain<RunOptions, [string]>(async (session, options, file) => {
        const definition = await readDefinition(file, session.terminal);
        const { params } = definition.definition;
        const fromFile = options.paramsFile === undefined ? {} : readParametersFile(options.paramsFile);
        const given = { ...fromFile, ...readAssignments(options.param ?? [], schemaTypes(params)) };
        const { effectiveParameters } = await import('../../../definition/param-values.js');
        const { ok, errors } = effectiveParameters(params, given as Record<string, Json>);
        if (!ok) throw new CliError('The parameters are not valid.', { items: errors.map(({ message }) => message) });
        return runOffline(session, { file, definition, parameters: given, keep: options.keep === true });
      }),
    );
  examples(run, [
    [
      'with live progress; exit code 0 if it completed, 1 if not, also when Ctrl-C cancelled it',
      'run workflow.yaml -p rows=500',
    ],
    ['the result for a program', 'run workflow.yaml --json | jq .outputs'],
  ]);
}
