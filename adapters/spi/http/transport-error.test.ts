import { describe, expect, test } from '@jest/globals';
import { RefusedByEngine, statusCode, transportError } from './transport-error.js';
import type { TransportFailure } from './transport-error.js';

const NOW = new Date('2026-01-01T00:00:00.000Z');

describe('a failure of the transport', () => {
  const rows: [reason: string, failure: Partial<TransportFailure>, code: string][] = [
    ['refused: nobody listened, nothing was sent', { code: 'ECONNREFUSED', syscall: 'connect' }, 'unavailable'],
    ['no such host: nothing was sent', { code: 'ENOTFOUND', syscall: 'getaddrinfo' }, 'unavailable'],
    ['the connection was never made: nothing was sent', { code: 'ETIMEDOUT', syscall: 'connect' }, 'unavailable'],
    ['no connection in time: nothing was sent', { code: 'UND_ERR_CONNECT_TIMEOUT' }, 'unavailable'],
    ['a certificate we do not trust: nothing was sent', { code: 'CERT_HAS_EXPIRED' }, 'unavailable'],
    ['reset: the request may have been read', { code: 'ECONNRESET', syscall: 'read' }, 'unknown'],
    ['a time-out while reading: the request had left', { code: 'ETIMEDOUT', syscall: 'read' }, 'unknown'],
    ['an answer over the limit was an answer', { code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' }, 'unknown'],
    ['our deadline ended it', { code: 'UND_ERR_ABORTED', aborted: true }, 'timeout'],
    ['our deadline ended it while connecting', { code: 'ECONNREFUSED', aborted: true }, 'timeout'],
  ];
  test.each(rows)('%s', (_reason, failure, code) => {
    expect(transportError({ message: 'failed', aborted: false, ...failure }).code).toBe(code);
  });
});

describe('an answer that is not 2xx', () => {
  const rows: [
    reason: string,
    answer: { status: number; retryAfter?: string; absent?: boolean },
    code: string,
    retryAfterSeconds?: number,
  ][] = [
    ['not now, for 30 s', { status: 429, retryAfter: '30' }, 'unavailable', 30],
    ['not now, until a date', { status: 503, retryAfter: 'Thu, 01 Jan 2026 00:00:10 GMT' }, 'unavailable', 10],
    ['not now, for a day: asked again sooner', { status: 429, retryAfter: '86400' }, 'unavailable', 300],
    ['not now, by a wrong clock', { status: 503, retryAfter: 'Fri, 01 Jan 2027 00:00:00 GMT' }, 'unavailable', 300],
    ['a date that has passed is now', { status: 503, retryAfter: 'Wed, 31 Dec 2025 00:00:00 GMT' }, 'unavailable', 0],
    ['not now, no word for how long', { status: 503 }, 'unavailable'],
    ['what is neither seconds nor an HTTP date is no time', { status: 503, retryAfter: 'x-5' }, 'unavailable'],
    ['who are you', { status: 401 }, 'unauthorized'],
    ['not you', { status: 403 }, 'unauthorized'],
    ['the engine itself says no such execution', { status: 404, absent: true }, 'not-found'],
    ['a proxy says not found', { status: 404 }, 'unknown'],
    ['the engine has no such route: another version', { status: 404, absent: false }, 'unknown'],
    ['somebody was there before', { status: 409 }, 'conflict'],
    ['the request is wrong', { status: 422 }, 'rejected'],
    ['a request that arrived half may have been acted upon', { status: 408 }, 'unknown'],
    ['the engine broke while acting', { status: 500 }, 'unknown'],
    ['a gateway lost the engine', { status: 504 }, 'unknown'],
    ['a redirect is not followed', { status: 307 }, 'unknown'],
  ];
  test.each(rows.map(([reason, ...rest]) => ({ reason, rest })))('$reason', ({ rest: [answer, code, seconds] }) => {
    const { status, retryAfter, absent = false } = answer;
    const error = new RefusedByEngine(statusCode(status, absent), status, undefined, retryAfter, NOW);
    expect([error.code, error.retryAfterSeconds]).toEqual([code, seconds]);
  });
});
