import type { Command } from 'commander';
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

/** The commands that run the service itself. Its code is loaded only then: client commands start without it. */
export function addServiceCommands(program: Command, cli: Cli): void {
  for (const role of Object.keys(ROLES) as (keyof typeof ROLES)[]) {
    const command = leaf(program, role, `run ${ROLES[role]}`).action(
      cli.plain(async ({ env }) => (await import('../../main.js')).runService(role, env)),
    );
    examples(command, role === 'server' ? SERVER_EXAMPLES : [['on your PostgreSQL', `${role}    ${WITH_URL}`]]);
  }
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
}
