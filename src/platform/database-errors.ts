/** What an error of PostgreSQL, of its driver or of the way to it means to a caller. */

/** SQLSTATEs of a server that is going away, coming up, full or without its disk: classes 08, 53 and 58, 57P; 25006 = it became read-only. */
const UNAVAILABLE = /^(08...|53...|57P0.|58...|25006)$/;
/** What ends the connection or the server whatever the SQLSTATE: a commit that could not be synced is a PANIC. */
const ENDS_CONNECTION = /^(FATAL|PANIC)$/;
/** Serialisation failure, deadlock, lock not available: the same request may succeed in a moment. */
const CONTENTION = /^(40001|40P01|55P03)$/;
const SOCKET = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH)$/;
/** What pg and its pool say without a code. */
const POOL = /timeout exceeded when trying to connect|Connection terminated|Query read timeout|Client has encountered/;

/** The server is in recovery: what it says may be long past, and nothing can be written. */
export class DatabaseInRecovery extends Error {
  /** As the server itself says it to whoever tries to write. */
  readonly code = '25006';

  constructor() {
    super('the database is a standby, which only answers reads');
    this.name = 'DatabaseInRecovery';
  }
}

/** True when the same transaction, run again, may go through. */
export function isContention(error: unknown): boolean {
  return CONTENTION.test(errorCode(error));
}

/** True when the database could not be asked; says nothing about what it had done before. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = errorCode(error);
  if (UNAVAILABLE.test(code) || SOCKET.test(code) || ENDS_CONNECTION.test(severity(error))) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  return error instanceof Error && code === '' && POOL.test(error.message);
}

/** True when an error is the word of the server, which goes on: what it refused did not happen. */
export function isServersWord(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(errorCode(error)) && !isDatabaseUnavailable(error);
}

/** True when a server that goes on had no room for a statement or only reads: it did not happen, and the database is of no use for now. */
export function isStatementRefused(error: unknown): boolean {
  return /^(53...|25006)$/.test(errorCode(error)) && severity(error) === 'ERROR';
}

/** True when a value of the statement is at fault: SQLSTATE classes of cardinality, data and integrity, and 54, of what is too much. */
export function isRefusedValue(error: unknown): boolean {
  return /^(2[123]|54)/.test(errorCode(error));
}

/** True when a statement ran into its time limit. */
export function isStatementTimeout(error: unknown): boolean {
  return errorCode(error) === '57014';
}

/** The `code` an error carries (SQLSTATE, errno, Fastify's), or the empty text. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function severity(error: unknown): string {
  const told = (error as { severity?: unknown } | null | undefined)?.severity;
  return typeof told === 'string' ? told : '';
}
