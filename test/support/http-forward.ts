/** One request as it arrived, handed on to a real engine; its answer as plain bytes, handed back. */
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
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

/** `headers` of our own take the place of those that came. */
export async function forward(
  { method, path, headers, body }: Arrived,
  target: URL,
  own: { headers?: Record<string, string>; tls?: Tls } = {},
): Promise<Answered> {
  const { hostname, port } = target;
  // Plain texts, which can be read, changed and broken.
  const { connection: _connection, host: _host, 'accept-encoding': _encoding, ...kept } = headers;
  const { insecure = false, ...identity } = own.tls ?? {};
  const options = { hostname, port, method, path, headers: { ...kept, ...own.headers, host: target.host } };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request =
      target.protocol === 'https:'
        ? httpsRequest({ ...options, ...identity, rejectUnauthorized: !insecure }, resolve)
        : httpRequest(options, resolve);
    request.once('error', reject);
    request.end(body);
  });
  const { statusCode: status = 502, headers: told } = answer;
  return { status, headers: told, body: await bytesOf(answer) };
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
