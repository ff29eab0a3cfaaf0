/** How the service makes adapters of a kind from the operator's configuration. One entry per kind in `src/engines/registry.ts`. */
import type { Compilation } from './compilation.js';
import type { EngineAdapter } from './engine-adapter.js';

/** A statement for PostgreSQL; `name` makes it a prepared one. */
export interface Statement {
  name?: string;
  text: string;
  values?: unknown[];
}

export interface Db {
  query<Row = Record<string, unknown>>(statement: Statement): Promise<{ rows: Row[]; rowCount: number }>;
}

export interface DatabaseHandle extends Db {
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>;
}

export interface EngineLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What an adapter may use of the process it runs in. */
export interface EngineHost {
  /** Name of the configured instance, e.g. `airflow-prod`. */
  engineName: string;
  installationId: string;
  log: EngineLog;
  /** For engines that keep their own tables (the local engine), in their own schema. */
  database: DatabaseHandle;
  /** Absolute path of DATA_DIR. */
  dataDir: string;
  /** False in processes that only talk to the API's clients: the local engine then reads, but owns no node. */
  executes: boolean;
  /** Test seam: named points at which a fault test ends the process; absent in the product. */
  kill?: (point: string) => void;
}

/** The engine's section of ENGINES_FILE is wrong: a sentence that names the key and what is allowed. */
export class OptionsRefused extends Error {
  override readonly name = 'OptionsRefused';
}

export interface EngineKind {
  kind: string;
  /** Own tables: applied by `signalbox migrate` after the service's own. */
  migrations?: { schema: string; directory: URL };
  /** From the text of a `signalbox/v1` definition to the engine's own files; absent where there is no compiler. Pure. */
  compile?(this: void, text: string): Compilation;
  /** Reads the engine's section of ENGINES_FILE. Throws `OptionsRefused`. */
  create(options: Record<string, unknown>, host: EngineHost): Promise<EngineAdapter>;
}
