/** Fastify as Signalbox runs it: limits, the body parser, one URL rewrite, and what happens before Nest sees a request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Answer } from '../answer.js';
import type { Drain } from '../drain.js';
import type { Metrics } from '../metrics.js';
import { Problem } from '../problem.js';
import type { Database } from '../database.js';
import { continueTrace } from '../trace.js';
import { beginExchange, exchangeOf } from './exchange.js';
import { parseJsonBody } from './json-body.js';
import { readBody } from './read-body.js';
import { refuseOverload } from './refuse-overload.js';
import { LentChunks } from './lent-chunks.js';
import { onceArrived } from './once-arrived.js';
import type { RouteTable } from './route-table.js';
import { SECURITY_HEADERS } from './security-headers.js';
import { sendAnswer } from './send-answer.js';
import { problemBody, PROBLEM_MEDIA_TYPE, sendProblem } from './send-problem.js';
import { toProblem } from './to-problem.js';
import { withPrefix } from './url-prefix.js';

/** Bytes of a body, at most: definitions. */
export const BODY_LIMIT = 1024 * 1024;

/** Bytes of a request line and its headers, at most. */
const HEAD_LIMIT = 16 * 1024;

/** For the client to read a refusal before the connection is reset. */
const LINGER_MS = 1_000;

export interface AdapterParts {
  metrics: Metrics;
  drain: Drain;
  routes: RouteTable;
  /** Its connections are what a request waits for. */
  database: Pick<Database, 'overloaded'>;
  /** Milliseconds within which a request has to have arrived whole. */
  requestTimeoutMs: number;
}

/** Nest maps errors of Fastify to its own; ours are told apart by the filter. */
class Adapter extends FastifyAdapter {
  override mapException(error: unknown): unknown {
    return error;
  }

  /** Sends the `Answer` of a handler as it is, and lent chunks without a hand of Nest's between. */
  override reply(...[response, body, status]: Parameters<FastifyAdapter['reply']>): FastifyReply {
    // Handlers are given Fastify's reply; Node's own is for middleware, of which there is none.
    if (body instanceof Answer) return sendAnswer(response as FastifyReply, body);
    if (body instanceof LentChunks) return body.send(response as FastifyReply);
    return super.reply(response, body, status);
  }
}

/** The HTTP adapter for Nest, its hooks and parsers in place, listening to nothing yet. */
export async function makeAdapter(parts: AdapterParts): Promise<FastifyAdapter> {
  const adapter = new Adapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: parts.requestTimeoutMs,
    connectionTimeout: 0,
    keepAliveTimeout: 65_000,
    http: {
      headersTimeout: Math.min(parts.requestTimeoutMs, 10_000),
      // How often Node looks for requests that are late.
      connectionsCheckingInterval: Math.min(1_000, parts.requestTimeoutMs),
      maxHeaderSize: HEAD_LIMIT,
      // Looked at below: Node's own refusal has no body.
      requireHostHeader: false,
    },
    return503OnClosing: false,
    rewriteUrl: (request: { url?: string }) => withPrefix(request.url ?? '/'),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 400 },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      begin(request);
      reply.headers(SECURITY_HEADERS);
      sendProblem(request, reply, toProblem(error));
    },
    clientErrorHandler: refuseSocket,
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  // Its series is looked up once.
  const refusals = parts.metrics.httpRequests.labels({ operation: 'none', status: '503' });
  refuseOverload(
    fastify.server,
    () => parts.database.overloaded,
    (count) => refusals.inc(count),
  );
  // An expectation we do not know is none.
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.addHook('onRoute', (route) => parts.routes.add(route.method, route.url));
  addHooks(fastify, parts);
  addBodyParser(fastify);
  return adapter;
}

function begin(request: FastifyRequest): void {
  const traceparent = request.headers['traceparent'];
  const trace = continueTrace(typeof traceparent === 'string' ? traceparent : undefined);
  beginExchange(request, { trace, startedAt: process.hrtime.bigint() });
}

function addHooks(fastify: FastifyInstance, { metrics, drain, routes }: AdapterParts): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    begin(request);
    reply.headers(SECURITY_HEADERS);
    if (drain.begun) {
      reply.header('connection', 'close');
      if (request.url.startsWith('/v1')) {
        const detail = 'The service is stopping. Repeat the request.';
        const problem = new Problem('shutting-down', { detail, retryAfterSeconds: 1 });
        onceArrived(request.raw, () => sendProblem(request, reply, problem));
        return;
      }
    }
    const problem = unroutable(request, routes);
    if (problem) sendProblem(request, reply, problem.problem, problem.headers);
    else done();
  });
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (drain.begun) reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const exchange = exchangeOf(request);
    const operation = exchange?.operation ?? 'none';
    metrics.httpRequests.inc({ operation, status: String(reply.statusCode) });
    if (exchange) {
      metrics.httpSeconds.observe({ operation }, Number(process.hrtime.bigint() - exchange.startedAt) / 1e9);
    }
    done();
  });
}

/** What Node lets through and no route can be asked about. */
function unroutable(
  request: FastifyRequest,
  routes: RouteTable,
): { problem: Problem; headers?: Record<string, string> } | undefined {
  const hosts = countHosts(request.raw.rawHeaders);
  if (hosts > 1 || (hosts === 0 && request.raw.httpVersion === '1.1')) {
    return { problem: new Problem('malformed-request', { detail: 'A request has one header Host.' }) };
  }
  if (routes.takes(request.method, request.url)) return undefined;
  const allow = routes.methodsOf(request.url).join(', ');
  if (allow === '') return { problem: new Problem('not-found', { detail: 'There is no such route.' }) };
  const detail = `${request.method} is not possible here: ${allow}.`;
  return { problem: new Problem('method-not-allowed', { detail }), headers: { allow } };
}

/** Names and values take turns; Node itself keeps the first one and says nothing of the others. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') count += 1;
  }
  return count;
}

function addBodyParser(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  const media = /^application\/json(\s*;\s*charset\s*=\s*"?utf-?8"?)?\s*;?\s*$/i;
  fastify.addContentTypeParser(media, async (request: FastifyRequest, payload: IncomingMessage) => {
    const coding = request.headers['content-encoding'] ?? 'identity';
    if (coding.toLowerCase() !== 'identity') {
      throw new Problem('unsupported-media-type', { detail: 'Bodies are sent as they are, without Content-Encoding.' });
    }
    return parseJsonBody(await readBody(payload, BODY_LIMIT));
  });
}

/** Requests that Node's parser gives up on never reach a route: the problem is written by hand. */
function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const pending = (socket as Socket & { _httpMessage?: ServerResponse<IncomingMessage> })._httpMessage;
  if (pending?.req.complete === true && (!pending.headersSent || pending.writableEnded)) {
    // A whole request waits for its answer, and another would be taken for it. Of several the first is answered, as nobody knows
    // where a client stands that sends such bytes.
    if (pending.headersSent && pending.shouldKeepAlive) pending.once('finish', () => socket.destroySoon());
    pending.shouldKeepAlive = false;
    return;
  }
  if (pending?.headersSent === true) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const problem = late
    ? new Problem('request-timeout', { detail: 'The request did not arrive whole in time.' })
    : new Problem('malformed-request', {
        detail:
          error.code === 'HPE_HEADER_OVERFLOW'
            ? 'The request line and headers may have at most 16 KiB.'
            : 'This is not a well-formed HTTP request.',
      });
  const text = JSON.stringify(problemBody(problem, '/', undefined));
  const head = [
    `HTTP/1.1 ${problem.status} ${late ? 'Request Timeout' : 'Bad Request'}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
  // A client that does not close its side would keep the socket for ever.
  socket.once('finish', () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
}
