/** From what went wrong on the wire to the closed codes of the interface. Pure. */
import { EngineError } from '../engine-error.js';
import type { EngineErrorCode } from '../engine-error.js';

/** Errors before the first byte of a request can have left: nothing was sent. */
const NOTHING_SENT = new Set([
  'ECONNREFUSED',
  'UND_ERR_CONNECT_TIMEOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'EPROTO',
]);

export interface TransportFailure {
  message: string;
  code?: string | undefined;
  /** The system call that failed, as node tells it. */
  syscall?: string | undefined;
  /** Our own signal ended the call. */
  aborted: boolean;
}

export function transportError(failure: TransportFailure, cause?: unknown): EngineError {
  if (failure.aborted) return new EngineError('timeout', 'the engine did not answer in time', { cause });
  const nothingSent = failure.syscall === 'connect' || NOTHING_SENT.has(failure.code ?? '');
  if (nothingSent) return new EngineError('unavailable', `the engine is not reachable: ${failure.message}`, { cause });
  // A reset, a cut body, an answer over the size limit: the request had left.
  return new EngineError('unknown', `the engine's answer was lost: ${failure.message}`, { cause });
}

/** An answer other than 2xx. */
export class RefusedByEngine extends EngineError {
  readonly status: number;

  constructor(
    code: EngineErrorCode,
    status: number,
    message: string | undefined,
    retryAfter: string | undefined,
    now: Date,
  ) {
    const retryAfterSeconds = code === 'unavailable' ? secondsOf(retryAfter, now) : undefined;
    super(code, `${status}: ${message ?? 'no reason given'}`, {
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
    this.status = status;
  }
}

/** The code of any status but 2xx. A 404 is a positive not-found only where the engine itself said so, not a proxy. */
export function statusCode(status: number, absent: boolean): EngineErrorCode {
  if (status === 429 || status === 503) return 'unavailable';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404) return absent ? 'not-found' : 'unknown';
  if (status === 409) return 'conflict';
  if (status >= 400 && status < 500 && status !== 408) return 'rejected';
  return 'unknown';
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** An engine is asked again after so long whatever it said: a date is by a clock that may be wrong, and nobody waits for a year. */
const LONGEST_RETRY_AFTER_S = 300;

/** Seconds or an HTTP date; nothing for anything else. */
function secondsOf(retryAfter: string | undefined, now: Date): number | undefined {
  const told = retryAfter === undefined ? undefined : toSeconds(retryAfter, now);
  return told === undefined ? undefined : Math.min(told, LONGEST_RETRY_AFTER_S);
}

function toSeconds(retryAfter: string, now: Date): number | undefined {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  // `Date.parse` takes nearly anything for a date.
  const date = HTTP_DATE.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now.getTime()) / 1_000));
}
