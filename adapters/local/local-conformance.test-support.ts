import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '../../test/support/database.js';
import type { Harness } from '../conformance/harness.js';
import { REFUSED_PORTABLE, portableFixture } from '../conformance/portable-fixtures.js';
import { INSTALLATION_ID } from '../conformance/world.js';
import type { EngineAdapter } from '../spi/engine-adapter.js';
import type { EngineHost } from '../spi/engine-kind.js';
import { localEngine } from './local.engine-kind.js';

/** Its verbs are rows of our own database and its processes are this machine's: no network lies between. */
const NO_WIRE = { impossible: 'no network lies between the local engine and its adapter' };

export async function localEngineHarness(): Promise<Harness> {
  const { database, drop } = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-conformance-'));
  const host = (executes: boolean): EngineHost => ({
    engineName: 'local',
    installationId: INSTALLATION_ID,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    database,
    dataDir,
    executes,
  });
  const open = (executes: boolean): Promise<EngineAdapter> =>
    localEngine.create({ terminateGrace: '1s', maxTasks: 8 }, host(executes));
  const owner = new Owner(await open(true));
  let first = true;
  return {
    connect: async () => {
      // One process owns the node and hears its hints; all others reach it through the database.
      if (!first) return open(false);
      first = false;
      return owner.adapter();
    },
    definition: portableFixture,
    refusedDefinition: REFUSED_PORTABLE,
    restart: async () => {
      await owner.current.close();
      owner.exchange(await open(true));
    },
    wipe: async () => {
      await database.query({ text: 'DELETE FROM signalbox_local.runs' });
      await database.query({ text: 'DELETE FROM signalbox_local.sentinels' });
    },
    people: { impossible: 'the local engine has no workflows but ours' },
    forget: async ({ key }) => {
      await database.query({ text: 'DELETE FROM signalbox_local.runs WHERE key = $1', values: [key] });
    },
    wire: NO_WIRE,
    // Each is a process and its supervisor.
    manyTaskRuns: 60,
    patienceMs: 40_000,
    cleanUp: async () => {
      await owner.current.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The process that owns the node; after a restart another one, whose hints the listeners get too. */
class Owner {
  readonly #listeners = new Set<(key: string) => void>();

  constructor(public current: EngineAdapter) {
    this.exchange(current);
  }

  exchange(next: EngineAdapter): void {
    this.current = next;
    next.hints?.((key) => this.#listeners.forEach((listener) => listener(key)));
  }

  /** An adapter that outlives a restart of the owner; closing it leaves the owner alone. */
  adapter(): EngineAdapter {
    const hints = (listener: (key: string) => void): (() => void) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    };
    return new Proxy(this.current, {
      get: (_, name) => {
        if (name === 'hints') return hints;
        if (name === 'close') return async () => undefined;
        return Reflect.get(this.current, name) as unknown;
      },
    });
  }
}

function ignore(): void {
  // Nobody reads this log.
}
