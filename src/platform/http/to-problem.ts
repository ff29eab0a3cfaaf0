import { CommitOutcomeUnknown } from '../transaction.js';
import { errorCode, isContention, isDatabaseUnavailable, isStatementTimeout } from '../database-errors.js';
import type { ProblemCode } from '../problem-catalogue.js';
import { Problem } from '../problem.js';

/**
 * The problem that any error is answered with. The text of an unexpected error never gets into it: it goes to the log.
 */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof CommitOutcomeUnknown) {
    return new Problem('outcome-unknown', {
      detail: 'The database did not say whether the change was committed. Repeat with the same Idempotency-Key.',
      retryAfterSeconds: 1,
      cause: error,
    });
  }
  return fromHttp(error) ?? fromDatabase(error) ?? unexpected(error);
}

function fromDatabase(error: unknown): Problem | undefined {
  if (isContention(error)) {
    const detail = 'The change met another one and was not made. Repeat it.';
    return new Problem('database-unavailable', { detail, retryAfterSeconds: 1, cause: error });
  }
  if (isDatabaseUnavailable(error) || isStatementTimeout(error)) {
    const detail = 'The database does not answer at the moment.';
    return new Problem('database-unavailable', { detail, retryAfterSeconds: 2, cause: error });
  }
  return undefined;
}

const HTTP: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'A body may have at most 1 MiB.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'Bodies are sent as application/json in UTF-8.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed-body', 'The body is not as long as Content-Length says.'],
  FST_ERR_CTP_EMPTY_TYPE: ['unsupported-media-type', 'Bodies are sent as application/json in UTF-8.'],
  FST_ERR_BAD_URL: ['malformed-request', 'The path is not well-formed.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not-found', 'There is no such route.'],
  ECONNRESET: ['malformed-body', 'The body ended early.'],
};

function fromHttp(error: unknown): Problem | undefined {
  const status = statusOf(error);
  if (status === undefined || status < 400 || status >= 500) return undefined;
  const [code, detail] = HTTP[errorCode(error)] ?? byStatus(status);
  return new Problem(code, { detail, cause: error });
}

function byStatus(status: number): readonly [ProblemCode, string] {
  return status === 404
    ? ['not-found', 'There is no such route.']
    : ['malformed-request', 'The request cannot be understood.'];
}

function unexpected(error: unknown): Problem {
  return new Problem('internal-error', {
    detail: 'The service met an error it did not expect. The log has it under this trace_id.',
    cause: error,
  });
}

/** Fastify's errors carry a number, Nest's own (of an unknown route) a method. */
function statusOf(error: unknown): number | undefined {
  const { statusCode, getStatus } = (error ?? {}) as { statusCode?: unknown; getStatus?: unknown };
  if (typeof getStatus === 'function') return Number(getStatus.call(error));
  return typeof statusCode === 'number' ? statusCode : undefined;
}
