import type { FastifyReply } from 'fastify';
import { exchangeOf } from '../platform/http/exchange.js';

/**
 * Sets the RFC 8288 link to the next page: the same request with `cursor`, and without `skip`, which counted from the first
 * page. `path` is the route's own, with `/v1`; a project that the request's query named is added to `query`.
 */
export function linkNext(
  reply: FastifyReply,
  path: string,
  query: Readonly<Record<string, unknown>>,
  cursor: string,
): void {
  const exchange = exchangeOf(reply.request);
  const project = exchange?.projectInQuery ? exchange.project : undefined;
  reply.header('link', nextLink(path, { project, ...query }, cursor));
}

function nextLink(path: string, query: Readonly<Record<string, unknown>>, cursor: string): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (name === 'cursor' || name === 'skip' || value === undefined) continue;
    for (const entry of Array.isArray(value) ? value : [value]) parameters.append(name, String(entry));
  }
  parameters.append('cursor', cursor);
  return `<${path}?${parameters.toString()}>; rel="next"`;
}
