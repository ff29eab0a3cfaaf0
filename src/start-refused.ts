import { resolve, sep } from 'node:path';
import type { Config } from './config.js';
import { ConfigRefused } from './read-config.js';
import { EnginesFileRefused } from './engines/engines-file.js';
import { DatabaseInRecovery, errorCode, isDatabaseUnavailable } from './platform/database-errors.js';
import { DataDirectoryInUse } from './platform/embedded-postgres.js';
import { DatabaseRefused } from './platform/migrator.js';
import { EmbeddedPostgresUnavailable } from './platform/postgres-programs.js';
import { Problem } from './platform/problem.js';

export const EXIT = {
  done: 0,
  /** Something broke that nobody foresaw. */
  broken: 1,
  /** The command line is at fault. */
  input: 2,
  /** This machine, the database or the network is at fault: a port that is taken, a folder in use. */
  environment: 3,
  /** EX_CONFIG: starting again changes nothing until somebody corrects the configuration or migrates the database. */
  configuration: 78,
} as const;

/** The process cannot start. The message is one sentence for the operator; no stack is shown. */
export class StartRefused extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'StartRefused';
  }
}

/** The refusal an error at start amounts to; undefined for one that nobody foresaw. */
export function toRefusal(error: unknown, config: Config | undefined): StartRefused | undefined {
  if (error instanceof StartRefused) return error;
  if (error instanceof ConfigRefused || error instanceof EnginesFileRefused || error instanceof DatabaseRefused) {
    return new StartRefused(EXIT.configuration, error.message, error);
  }
  if (error instanceof DataDirectoryInUse || error instanceof EmbeddedPostgresUnavailable) {
    return new StartRefused(EXIT.environment, error.message, error);
  }
  // Adapters cannot know this class: they say it by a number on their error.
  const { exitCode } = (error ?? {}) as { exitCode?: unknown };
  if (error instanceof Error && typeof exitCode === 'number') return new StartRefused(exitCode, error.message, error);
  if (error instanceof Problem && error.code === 'engine-not-found') {
    return new StartRefused(EXIT.input, error.message, error);
  }
  return config && (ofSocket(error, config) ?? ofDataDir(error, config) ?? ofDatabase(error, config));
}

function ofSocket(error: unknown, config: Config): StartRefused | undefined {
  if ((error as { syscall?: unknown } | null)?.syscall !== 'listen') return undefined;
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new StartRefused(
        EXIT.environment,
        `Port ${config.port} of ${config.host} is taken: end the process that has it, or set PORT to another.`,
        error,
      );
    case 'EACCES':
      return new StartRefused(EXIT.environment, `Port ${config.port} needs rights this account does not have.`, error);
    case 'EADDRNOTAVAIL':
      return new StartRefused(EXIT.configuration, `HOST ${config.host} is not an address of this machine.`, error);
    default:
      return undefined;
  }
}

const FOLDER_TROUBLE: Record<string, string> = {
  EACCES: 'this account may not',
  EPERM: 'this account may not',
  EEXIST: 'a file is in the way',
  ENOTDIR: 'a file is in the way',
  EROFS: 'its file system is read-only',
  ENOSPC: 'no space is left',
};

/** Only for paths in DATA_DIR or on the way to it: elsewhere the same codes mean something that nobody foresaw. */
function ofDataDir(error: unknown, config: Config): StartRefused | undefined {
  const why = FOLDER_TROUBLE[errorCode(error)];
  const { path } = (error ?? {}) as { path?: unknown };
  if (why === undefined || typeof path !== 'string') return undefined;
  const home = resolve(config.dataDir);
  const place = resolve(path);
  if (!(place + sep).startsWith(home + sep) && !(home + sep).startsWith(place + sep)) return undefined;
  const where = place === home ? '' : ` (${place})`;
  return new StartRefused(EXIT.environment, `DATA_DIR ${home} cannot be used: ${why}${where}.`, error);
}

function ofDatabase(error: unknown, config: Config): StartRefused | undefined {
  const code = errorCode(error);
  const place = placeOf(config);
  if (code === '28P01' && !config.databaseUrl) {
    return new StartRefused(
      EXIT.environment,
      `The database of DATA_DIR ${place} does not take the password in its file postgres.password: one of the two is of another data directory.`,
      error,
    );
  }
  if (code === '28P01' || code === '28000') {
    return new StartRefused(EXIT.environment, `The database at ${place} refuses the user of DATABASE_URL.`, error);
  }
  if (code === '3D000') {
    return new StartRefused(
      EXIT.environment,
      `The database that DATABASE_URL names does not exist at ${place}.`,
      error,
    );
  }
  if (error instanceof DatabaseInRecovery) {
    return new StartRefused(
      EXIT.environment,
      `The database at ${place} is a standby, which only answers reads: DATABASE_URL has to lead to the primary.`,
      error,
    );
  }
  if (isDatabaseUnavailable(error)) {
    const why = code === '' ? 'no connection in time' : code;
    return new StartRefused(
      EXIT.environment,
      `The database at ${place} does not answer (${why})${config.databaseUrl ? ': check DATABASE_URL' : ''}.`,
      error,
    );
  }
  return undefined;
}

/** Host and port only: the URL holds a password. */
function placeOf(config: Config): string {
  return config.databaseUrl ? new URL(config.databaseUrl.reveal()).host || 'its socket' : config.dataDir;
}
