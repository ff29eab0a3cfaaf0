/**
 * A role of the real service with the scripted engine's adapter beside the product's own, and with faults at its named
 * points: `node --import ./scripts/typescript-loader.js test/support/scripted-service.process.ts server|api|worker|reconcile`.
 * Reads the environment the product reads, `KILL_AT`, `STOP_AT` and `REJECT_AT` (fault-points.ts), and `CLOCK_SHIFT`:
 * milliseconds by which the wall clock of this process is wrong, and `MIGRATIONS_DIR`: the folder of another version's
 * migrations. `reconcile` passes again and again until SIGTERM.
 */
import 'reflect-metadata';
import { pathToFileURL } from 'node:url';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { runService } from '../../src/main.js';
import { MIGRATIONS } from '../../src/migrations.js';
import type { MigrationSet } from '../../src/platform/migrator.js';
import { ROLES, type RoleName, type Roles } from '../../src/roles.js';
import { readFaultPoints } from './fault-points.js';
import { scriptedEngineKind } from './scripted-engine/scripted-engine.engine-kind.js';
import { shiftClock } from './shift-clock.js';

const ROLE_OF: Record<string, { role: RoleName; roles: Roles }> = {
  server: { role: 'server', roles: ROLES.server },
  api: { role: 'api', roles: ROLES.api },
  worker: { role: 'worker', roles: { api: false, worker: true, reconcile: false } },
  reconcile: { role: 'worker', roles: { api: false, worker: false, reconcile: true } },
};

const chosen = ROLE_OF[process.argv[2] ?? ''];
if (!chosen) throw new Error(`one of ${Object.keys(ROLE_OF).join(', ')} is needed`);
shiftClock(Number(process.env['CLOCK_SHIFT'] ?? 0));
process.exitCode = await runService(chosen.role, process.env, {
  roles: chosen.roles,
  kinds: [...ENGINE_KINDS, scriptedEngineKind],
  killPoints: readFaultPoints(process.env),
  migrations: migrationsIn(process.env['MIGRATIONS_DIR']),
});

/** The product's, the service's own taken from `folder` where one is given. */
function migrationsIn(folder: string | undefined): readonly MigrationSet[] {
  if (folder === undefined) return MIGRATIONS;
  const directory = pathToFileURL(`${folder}/`);
  return MIGRATIONS.map((set) => (set.schema === 'public' ? { ...set, directory } : set));
}
