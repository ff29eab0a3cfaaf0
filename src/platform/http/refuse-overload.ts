/**
 * Refuses what could only wait, before anything is read or worked out about it: answering too late helps nobody. Refusals are sent
 * some at a time: each by itself takes Node and the kernel twice the time, which those lose who are not refused.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Problem } from '../problem.js';
import { problemBody, PROBLEM_MEDIA_TYPE } from './send-problem.js';
import { API_PREFIX, withPrefix } from './url-prefix.js';

const RETRY_AFTER_SECONDS = 1;
/** Milliseconds that a refusal waits for others. */
const TOGETHER_MS = 5;
/** Made once: what is refused most has to cost least. */
const OVERLOADED = new Problem('overloaded', {
  detail: 'There are more requests than can be answered in time. Repeat this one later.',
  retryAfterSeconds: RETRY_AFTER_SECONDS,
});
/**
 * Names and values taking turns, and of the headers for browsers the one that matters where nothing is shown as a page: a refusal takes
 * Node a quarter less time than with an object of them all.
 */
const HEADERS = [
  'content-type',
  PROBLEM_MEDIA_TYPE,
  'retry-after',
  String(RETRY_AFTER_SECONDS),
  'x-content-type-options',
  'nosniff',
];

/**
 * Puts itself before the server's one listener. `overloaded` is asked for each request of the API; probes and metrics pass.
 * `refused` is told how many were.
 */
export function refuseOverload(server: Server, overloaded: () => boolean, refused: (count: number) => void): void {
  const [handle] = server.listeners('request') as RequestListener[];
  if (!handle) throw new Error('the server has no listener yet');
  let waiting: [IncomingMessage, ServerResponse][] = [];
  const refuseAll = (): void => {
    const all = waiting;
    waiting = [];
    for (const [request, response] of all) {
      // A connection that waited for its refusal was at work when the idle ones were closed.
      if (!server.listening) response.shouldKeepAlive = false;
      refuse(request, response);
    }
    refused(all.length);
  };
  server.removeListener('request', handle);
  server.on('request', (request, response) => {
    if (!isOfApi(request) || !overloaded()) return handle(request, response);
    if (waiting.push([request, response]) === 1) setTimeout(refuseAll, TOGETHER_MS);
  });
}

function isOfApi(request: IncomingMessage): boolean {
  return withPrefix(request.url ?? '/').startsWith(`/${API_PREFIX}`);
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  const text = JSON.stringify(problemBody(OVERLOADED, (request.url ?? '/').split('?', 1)[0] ?? '/', undefined));
  response.writeHead(OVERLOADED.status, [...HEADERS, 'content-length', String(Buffer.byteLength(text))]);
  response.end(text);
}
