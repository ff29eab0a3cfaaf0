import { Argument, Command } from 'commander';
import type { Cli } from './cli.js';
import { addGlobalOptions, examples, group, leaf } from './command-options.js';
import { addCatalogueCommands } from './commands/catalogue-commands.js';
import { addCompileCommand } from './commands/compile-command.js';
import { addDefinitionCommands } from './commands/definition-commands.js';
import { addLogCommand } from './commands/log-command.js';
import { addOfflineRunCommand } from './commands/offline-run-command.js';
import { addRunCommands } from './commands/run-commands.js';
import { addRunRequestCommands } from './commands/run-request-commands.js';
import { addServiceCommands } from './commands/service-commands.js';
import { addWorkflowCommands } from './commands/workflow-commands.js';
import { completionScript, SHELLS, type Shell } from './completion.js';

const EXIT_CODES = `
Exit codes: 0 ok, 1 the workflow failed or was cancelled, 2 the input is wrong, 3 the service or this machine is at
fault, 78 the configuration or the version of the database is refused, 130 Ctrl-C. But "run" cancels its run at a
Ctrl-C and ends as that does, with 130 only at a second one or before the run began; a service stops with 0.`;

/** The whole command tree. `version` is what `--version` prints. */
export function buildProgram(cli: Cli, version: string): Command {
  const { stdout, stderr } = cli.options;
  const program = new Command('signalbox')
    .description('One stable REST API over every workflow engine.')
    .version(version, '-V, --version', 'print the version')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(--help shows what is possible)')
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => stdout.columns || 100,
      getErrHelpWidth: () => stderr.columns || 100,
    });

  program.commandsGroup('Without a service:');
  addOfflineRunCommand(program, cli);
  addDefinitionCommands(program, cli);
  addCompileCommand(program, cli);
  program.commandsGroup('With a service:');
  addWorkflowCommands(program, cli);
  const runs = group(program, 'runs', 'start runs, follow and steer them', [
    'runs start etl -p rows=500 --watch',
    'runs list --state FAILED',
    'runs logs 12 --follow',
    'runs retry 12',
  ]);
  addRunCommands(runs, cli);
  addRunRequestCommands(runs, cli);
  addLogCommand(runs, cli);
  addCatalogueCommands(program, cli);
  program.commandsGroup('The service itself:');
  const services = addServiceCommands(program, cli);
  program.commandsGroup('For your shell:');
  addCompletionCommand(program, cli);
  addGlobalOptions(program, services);

  examples(program, [
    ['run a workflow here and now', 'run examples/etl/workflow.yaml'],
    ['leave a service running, then use it', 'server'],
    ['', 'workflows create examples/etl/workflow.yaml'],
    ['', 'runs start etl --watch'],
  ]);
  return program.addHelpText('after', EXIT_CODES);
}

function addCompletionCommand(program: Command, cli: Cli): void {
  const completion = leaf(program, 'completion', 'print the script that completes commands in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(
      cli.plain<object, [Shell]>(async ({ terminal }, _options, shell) => {
        terminal.data(completionScript(shell, program));
        return Promise.resolve();
      }),
    );
  examples(completion, [
    ['bash and zsh, in the start file of the shell', 'completion bash    # eval "$(signalbox completion bash)"'],
    ['fish', 'completion fish > ~/.config/fish/completions/signalbox.fish'],
  ]);
}
