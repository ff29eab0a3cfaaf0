import type { Command } from 'commander';
import { CONFIG_SCHEMA, type ConfigEntry } from '../../config-schema.js';
import type { Cli } from '../cli.js';
import { examples, leaf } from '../command-options.js';

const ROLES = {
  server: 'the whole service: API, worker, reconciler and the local engine',
  api: 'only the REST API, beside workers on the same DATABASE_URL',
  worker: 'only the work behind it: dispatch, reconciliation, the local engine',
} as const;

const WITH_URL = '# with DATABASE_URL=postgresql://... in the environment';
const SERVER_EXAMPLES: [string, string][] = [
  ['on 127.0.0.1:8380, with a database of its own below .signalbox', 'server'],
  ['on your PostgreSQL', `server    ${WITH_URL}`],
];

/** The settings that most installations have, by what reads them. */
const LISTENS = ['HOST', 'PORT'];
const KEEPS = ['DATA_DIR', 'DATABASE_URL'];
const DRIVES = [...KEEPS, 'ENGINES_FILE'];

/**
 * The commands that run the service itself, which are returned. Its code is loaded only then: client commands start
 * without it.
 */
export function addServiceCommands(program: Command, cli: Cli): Command[] {
  const roles = (Object.keys(ROLES) as (keyof typeof ROLES)[]).map((role) => {
    const command = leaf(program, role, `run ${ROLES[role]}`).action(
      cli.plain(async ({ env }) => (await import('../../main.js')).runService(role, env)),
    );
    examples(command, role === 'server' ? SERVER_EXAMPLES : [['on your PostgreSQL', `${role}    ${WITH_URL}`]]);
    return configured(
      command,
      [...LISTENS, ...DRIVES],
      role === 'worker' ? 'Without PORT a worker listens nowhere.' : '',
    );
  });
  const reconcile = leaf(program, 'reconcile', 'compare all active runs with their engines once, and end')
    .option('--engine <name>', 'only this engine')
    .action(
      cli.plain<{ engine?: string }>(async ({ env, terminal }, { engine }) =>
        (await import('../../main.js')).runReconcile(env, {
          json: terminal.json,
          ...(engine === undefined ? {} : { engine }),
        }),
      ),
    );
  examples(reconcile, [
    ['one pass; exit code 3 when an engine could not be read', 'reconcile'],
    ['as JSON', 'reconcile --json --engine local'],
  ]);
  const migrate = leaf(program, 'migrate', 'bring the database to the version of this program, and end').action(
    cli.plain(async ({ env, terminal }) => (await import('../../main.js')).runMigrate(env, { json: terminal.json })),
  );
  examples(migrate, [['before a rolling update', 'migrate']]);
  return [...roles, configured(reconcile, DRIVES), configured(migrate, KEEPS)];
}

/** Says below the help of a command where its configuration comes from. */
function configured(command: Command, names: readonly string[], remark = ''): Command {
  const lines = CONFIG_SCHEMA.filter(({ name }) => names.includes(name)).map(settingLine);
  return command.addHelpText(
    'after',
    `
Configured by environment variables, above all these:
${lines.join('\n')}
${remark === '' ? '' : `${remark} `}All of them are in README.md under "Run it for others".`,
  );
}

function settingLine({ name, meaning, default: preset }: ConfigEntry): string {
  const text = meaning.replaceAll('`', '');
  return `  ${name.padEnd(12)}  ${text}${preset === undefined ? '' : ` (default ${preset})`}`;
}
