import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../problem.js';
import { exchangeOf } from './exchange.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** The members of RFC 9457, ours behind them. */
export function problemBody(problem: Problem, instance: string, traceId: string | undefined): Record<string, unknown> {
  return {
    ...problem.extensions,
    type: `/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    instance,
    code: problem.code,
    ...(traceId === undefined ? {} : { trace_id: traceId }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}

/** Answers a request with a problem. `headers` are those that belong to its status, such as `Allow`. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  const instance = request.originalUrl.split('?', 1)[0] ?? '/';
  const body = problemBody(problem, instance, exchangeOf(request)?.trace.traceId);
  reply.status(problem.status).headers(headers);
  // Headers of the success that did not come about.
  for (const name of ['location', 'link', 'idempotency-replayed']) reply.removeHeader(name);
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  void reply.header('content-type', PROBLEM_MEDIA_TYPE).send(JSON.stringify(body));
}
