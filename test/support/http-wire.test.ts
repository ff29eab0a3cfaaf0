/** The wire itself: what has no end passes it as it comes. */
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { HttpWire } from './http-wire.js';

let engine: Server;
let wire: HttpWire;

beforeEach(async () => {
  engine = createServer().listen(0, '127.0.0.1');
  await once(engine, 'listening');
  const { port } = engine.address() as AddressInfo;
  wire = await HttpWire.start(`http://127.0.0.1:${port}`, () => ({ method: 'GET', path: /watch/ }), {
    streams: /watch/,
  });
  wire.rewrite = (_, body) => body.toUpperCase();
});

afterEach(async () => {
  await wire.close();
  engine.closeAllConnections();
  engine.close();
});

/** Asks over the wire; answers both ends of the answer. */
async function ask(path: string): Promise<{ told: ServerResponse; heard: IncomingMessage }> {
  const arrived = once(engine, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const answered = once(get(`${wire.url}${path}`), 'response') as Promise<[IncomingMessage]>;
  const [, told] = await arrived;
  told.writeHead(200, { 'content-type': 'text/plain' });
  told.write('one\n');
  const [heard] = await answered;
  return { told, heard };
}

test('a stream is handed on part by part, as it is', async () => {
  const { told, heard } = await ask('/watch');
  expect(String((await once(heard, 'data'))[0])).toBe('one\n');
  told.end('two\n');
  expect(String((await once(heard, 'data'))[0])).toBe('two\n');
  expect(wire.calls('hints')).toBe(1);
});

test('whoever leaves a stream is gone for the engine too', async () => {
  const { told, heard } = await ask('/watch');
  heard.destroy();
  await once(told, 'close');
  expect(told.writableFinished).toBe(false);
});

test('a stream that the engine breaks off is broken off', async () => {
  const { told, heard } = await ask('/watch');
  await once(heard, 'data');
  told.destroy();
  const [error] = (await once(heard, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
});

test('a wire that goes down ends its streams', async () => {
  const { told, heard } = await ask('/watch');
  heard.on('error', () => undefined).resume();
  const left = once(told, 'close');
  await wire.down();
  await left;
  expect(heard.complete).toBe(false);
});
