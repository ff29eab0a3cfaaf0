import type { EngineKind } from '../spi/engine-kind.js';
import { localAdapter } from './local.adapter.js';
import { LocalNode } from './local-node.js';
import { parseOptions } from './local-options.js';
import { writeEpoch } from './run-store.js';

/** Runs with something to execute up to which a node takes new ones; more wait in the database, which any node may take them from. */
const MAX_RUNS = 1_000;

/**
 * The engine that executes `signalbox/v1` definitions with processes of this machine. `create` throws
 * `DataDirectoryInUse` when another process executes on the same data directory.
 */
export const localEngine: EngineKind = {
  kind: 'local',
  migrations: { schema: 'signalbox_local', directory: new URL('./migrations/', import.meta.url) },
  async create(options, host) {
    const parsed = parseOptions(options);
    await writeEpoch(host.database, host.engineName);
    const node = host.executes ? await LocalNode.open(host, parsed, MAX_RUNS) : undefined;
    return localAdapter(host, node);
  },
};
