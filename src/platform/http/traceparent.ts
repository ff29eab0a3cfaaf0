import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { makeTraceparent } from '../trace.js';
import { exchangeOf } from './exchange.js';

/** The header for engine calls that answer this request: `validate(@Traceparent() traceparent: string | undefined)`. */
export const Traceparent = createParamDecorator((_: unknown, context: ExecutionContext): string | undefined =>
  traceparentOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

export function traceparentOf(request: FastifyRequest): string | undefined {
  const trace = exchangeOf(request)?.trace;
  return trace && makeTraceparent(trace);
}
