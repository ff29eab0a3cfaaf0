import { NO_VERBS, type Capabilities, type EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { OptionsRefused, type EngineHost, type EngineKind } from '../../adapters/spi/engine-kind.js';
import type { Config } from '../config.js';
import type { Database, Db } from '../platform/database.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import { Problem } from '../platform/problem.js';
import { EnginesFileRefused, type EngineEntry } from './engines-file.js';
import { EngineGateway } from './gateway.js';

/** One configured instance of an engine. */
export interface Engine {
  name: string;
  kind: string;
  /** Of this Signalbox: part of every marker on the engine. */
  installationId: string;
  capabilities: Capabilities;
  gateway: EngineGateway;
  /** Calls that may be under way at the same time. */
  slots: number;
  /** Whether runs that begin on the engine become workflow runs. */
  adopts: boolean;
  /** Positively read by the last health check of this process. */
  epoch?: string;
  /**
   * The last one that was positively read, by any process. It is what a submit stores beside its intent: when it is older than
   * the memory that took the submit, the two differ later and nothing is repeated.
   */
  lastEpoch?: string;
}

export interface EnginesOptions {
  config: Config;
  database: Database;
  log: Log;
  metrics: Metrics;
  kinds: readonly EngineKind[];
  entries: EngineEntry[];
  /** Whether this process owns what a local engine executes. */
  executes: boolean;
  kill?: (point: string) => void;
}

/** The configured engines of this process, opened at start and closed at its end. */
export class Engines {
  private constructor(
    private readonly engines: Map<string, Engine>,
    private readonly adapters: EngineAdapter[],
  ) {}

  /**
   * Makes every adapter and writes the engines' rows. Throws `EnginesFileRefused` with a fault of every engine that has one, and
   * what an adapter throws.
   */
  static async open(options: EnginesOptions): Promise<Engines> {
    const { database } = options;
    const { rows } = await database.query<{ id: string }>({ text: 'SELECT id FROM installation' });
    const installationId = rows[0]?.id;
    if (installationId === undefined) throw new Error('the database has no installation row');
    const engines = new Map<string, Engine>();
    const adapters: EngineAdapter[] = [];
    const refused: string[] = [];
    try {
      for (const [index, entry] of options.entries.entries()) {
        const at = `engines[${index}] (${entry.name})`;
        // A start that is refused begins no work.
        const executes = options.executes && refused.length === 0;
        const adapter = await create({ ...options, executes }, entry, installationId).catch((error: unknown) => {
          if (!(error instanceof OptionsRefused)) throw error;
          refused.push(`${at}.options: ${error.message}`);
        });
        if (adapter === undefined) continue;
        adapters.push(adapter);
        if (entry.adopt === true && adapter.capabilities.verbs.listBorn === 'none') {
          refused.push(`${at}.adopt: ${entry.kind} starts no runs of its own to adopt`);
        }
        engines.set(entry.name, toEngine(options, installationId, entry, adapter));
      }
      if (refused.length > 0) throw new EnginesFileRefused(options.config.enginesFile ?? 'ENGINES_FILE', refused);
    } catch (error) {
      await Promise.allSettled(adapters.map((adapter) => adapter.close()));
      throw error;
    }
    await writeRows(database, options.entries);
    for (const { name, epoch } of await readEpochs(database)) {
      const engine = engines.get(name);
      if (engine) engine.lastEpoch = epoch;
    }
    return new Engines(engines, adapters);
  }

  get(name: string): Engine | undefined {
    return this.engines.get(name);
  }

  list(): Engine[] {
    return [...this.engines.values()];
  }

  /** Capabilities of an engine that runs refer to; one that is no longer configured can do nothing but keep its runs. */
  capabilitiesOf(name: string): Capabilities {
    return this.engines.get(name)?.capabilities ?? UNCONFIGURED;
  }

  /** Throws `engine-not-found`. */
  require(name: string): Engine {
    const engine = this.engines.get(name);
    if (engine) return engine;
    throw new Problem('engine-not-found', {
      detail: `There is no engine "${name}"; configured are: ${[...this.engines.keys()].join(', ')}.`,
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.adapters.map((adapter) => adapter.close()));
  }
}

async function writeRows(db: Db, entries: readonly EngineEntry[]): Promise<void> {
  await db.query({
    text: `INSERT INTO engines (name, kind) SELECT * FROM unnest($1::text[], $2::text[])
           ON CONFLICT (name) DO UPDATE SET kind = excluded.kind WHERE engines.kind <> excluded.kind`,
    values: [entries.map((entry) => entry.name), entries.map((entry) => entry.kind)],
  });
}

async function readEpochs(db: Db): Promise<{ name: string; epoch: string }[]> {
  const { rows } = await db.query<{ name: string; epoch: string }>({
    text: 'SELECT name, epoch FROM engines WHERE epoch IS NOT NULL',
  });
  return rows;
}

async function create(options: EnginesOptions, entry: EngineEntry, installationId: string): Promise<EngineAdapter> {
  const kind = options.kinds.find((candidate) => candidate.kind === entry.kind);
  if (!kind) throw new Error(`no adapter of kind ${entry.kind}`);
  return kind.create(entry.options, hostOf(options, entry.name, installationId));
}

function hostOf(options: EnginesOptions, engineName: string, installationId: string): EngineHost {
  return {
    engineName,
    installationId,
    log: options.log.child({ engine: engineName }),
    database: options.database,
    dataDir: options.config.dataDir,
    executes: options.executes,
    ...(options.kill ? { kill: options.kill } : {}),
  };
}

function toEngine(options: EnginesOptions, installationId: string, entry: EngineEntry, adapter: EngineAdapter): Engine {
  const slots = Math.min(options.config.engineSlots, adapter.capabilities.callsAtOnce ?? Infinity);
  return {
    name: entry.name,
    kind: entry.kind,
    installationId,
    capabilities: adapter.capabilities,
    adopts: entry.adopt === true,
    slots,
    gateway: new EngineGateway({
      engineName: entry.name,
      adapter,
      timeoutMs: options.config.engineTimeoutMs,
      callsPerSecond: entry.callsPerSecond,
      burst: entry.callsPerSecond * 2,
      slots,
      metrics: options.metrics,
    }),
  };
}

const UNCONFIGURED: Capabilities = {
  verbs: NO_VERBS,
  registers: 'later',
  dedupeHorizonMs: 0,
  retryKind: 'none',
  formats: [],
  pageSize: 100,
};
