import type { Config } from './config.js';
import { ConfigRefused } from './read-config.js';
import { EnginesFileRefused } from './engines/engines-file.js';
import { errorCode, isDatabaseUnavailable } from './platform/database-errors.js';
import { DataDirectoryInUse, EmbeddedPostgresUnavailable } from './platform/embedded-postgres.js';
import { DatabaseRefused } from './platform/migrator.js';

export const EXIT = {
  done: 0,
  /** Something broke that nobody foresaw. */
  broken: 1,
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
  return config && (ofSocket(error, config) ?? ofDatabase(error, config));
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

function ofDatabase(error: unknown, config: Config): StartRefused | undefined {
  const code = errorCode(error);
  const place = placeOf(config);
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
  if (isDatabaseUnavailable(error)) {
    const why = code === '' ? 'no connection in time' : code;
    return new StartRefused(
      EXIT.environment,
      `The database at ${place} does not answer (${why}): check DATABASE_URL.`,
      error,
    );
  }
  return undefined;
}

/** Host and port only: the URL holds a password. */
function placeOf(config: Config): string {
  return config.databaseUrl ? new URL(config.databaseUrl.reveal()).host || 'its socket' : config.dataDir;
}
