/** One request as it arrived, handed on to a real engine; its answer as plain bytes, handed back. */
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Tls } from '../../adapters/spi/http/engine-http.js';

export interface Arrived {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export async function arrivedOf(message: IncomingMessage): Promise<Arrived> {
  const { method = 'GET', url: path = '/', headers } = message;
  return { method, path, headers, body: await bytesOf(message) };
}

/** What goes along with a request beside what arrived; `headers` take the place of those that came. */
export interface OnBehalf {
  headers?: Record<string, string>;
  tls?: Tls;
}

/** Answers as soon as the engine begins to. */
export async function begin(
  { method, path, headers, body }: Arrived,
  target: URL,
  own: OnBehalf = {},
): Promise<IncomingMessage> {
  const { hostname, port } = target;
  // Plain texts, which can be read, changed and broken.
  const { connection: _connection, host: _host, 'accept-encoding': _encoding, ...kept } = headers;
  const { insecure = false, ...identity } = own.tls ?? {};
  // No connection is used twice: an engine may end an idle one at the very moment of the next request.
  const options = {
    hostname,
    port,
    method,
    path,
    agent: false,
    headers: { ...kept, ...own.headers, host: target.host },
  };
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request =
      target.protocol === 'https:'
        ? httpsRequest({ ...options, ...identity, rejectUnauthorized: !insecure }, resolve)
        : httpRequest(options, resolve);
    request.on('error', reject);
    request.end(body);
  });
}

export async function forward(arrived: Arrived, target: URL, own: OnBehalf = {}): Promise<Answered> {
  const answer = await begin(arrived, target, own);
  const { statusCode: status = 502, headers } = answer;
  return { status, headers, body: await bytesOf(answer) };
}

/** Each part at once; whichever side ends first ends the other. */
export async function pass(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const { statusCode = 502, headers } = answer;
  const { 'transfer-encoding': _encoding, connection: _connection, ...kept } = headers;
  response.writeHead(statusCode, kept);
  response.flushHeaders();
  await pipeline(answer, response);
}

export function handOn({ status, headers, body }: Answered, response: ServerResponse): void {
  const { 'transfer-encoding': _encoding, 'content-length': _length, connection: _connection, ...kept } = headers;
  const length = status === 204 ? {} : { 'content-length': String(body.length) };
  response.writeHead(status, { ...kept, ...length });
  response.end(status === 204 ? undefined : body);
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
