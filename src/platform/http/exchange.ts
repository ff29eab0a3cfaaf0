/** What the platform hangs on a request, beside Fastify's own. */
import type { FastifyRequest } from 'fastify';
import type { Trace } from '../trace.js';

export interface Exchange {
  trace: Trace;
  startedAt: bigint;
  /** operationId of the route; undefined for unknown routes. */
  operation?: string;
  /** Set by the request guard; `*` only where the operation allows it. */
  project?: string;
  /** `?project=` named it, as links to follow then do: who cannot set headers follows them. */
  projectInQuery?: boolean;
}

const exchanges = new WeakMap<object, Exchange>();

/** Remembers the facts of a request. Keyed by Node's own request, which every layer can reach. */
export function beginExchange(request: FastifyRequest, exchange: Exchange): void {
  exchanges.set(request.raw, exchange);
}

/** Facts of a request that came through the adapter's first hook. */
export function exchangeOf(request: FastifyRequest): Exchange | undefined {
  return exchanges.get(request.raw);
}
