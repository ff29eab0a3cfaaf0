import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { refuseOverload } from './refuse-overload.js';

let server: Server;
let overloaded: boolean;
/** Paths that reached the listener behind. */
let handled: string[];
let refusals: number[];

beforeEach(async () => {
  overloaded = true;
  handled = [];
  refusals = [];
  server = createServer((request, response) => {
    handled.push(request.url ?? '');
    response.end('handled');
  });
  refuseOverload(
    server,
    () => overloaded,
    (count) => refusals.push(count),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const socket = (): ReturnType<typeof connect> => connect((server.address() as AddressInfo).port, '127.0.0.1');
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const LAST = 'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';

/** A client whose request has arrived and is not refused yet. */
async function whoWaits(): Promise<ReturnType<typeof socket>> {
  const client = socket();
  const arrived = once(server, 'request');
  client.write(get('/v1/workflow-runs'));
  await arrived;
  return client;
}

/** Everything one connection was answered. */
async function answers(requests: string): Promise<string> {
  const client = socket();
  client.write(requests);
  return text(client);
}

test('a refusal says when to repeat, and its connection goes on', async () => {
  const said = await answers(get('/v1/workflow-runs?limit=3') + LAST);
  const [, head, body] = /^([^]*?)\r\n\r\n(\{.*?\})HTTP/.exec(said) ?? [];
  expect(head).toMatch(/^HTTP\/1.1 503 /);
  expect(head).toMatch(/\r\nretry-after: 1\r\n/);
  expect(head).toMatch(/\r\ncontent-type: application\/problem\+json/);
  expect(JSON.parse(body ?? '')).toMatchObject({ code: 'overloaded', status: 503, instance: '/v1/workflow-runs' });
  expect(handled).toEqual(['/livez']);
});

test('answers of a connection keep the order of its requests', async () => {
  const said = await answers(get('/v1/a') + get('/readyz') + get('/v1/b') + LAST);
  const order = [...said.matchAll(/handled|"instance":"(.*?)"/g)].map(([all, path]) => path ?? all);
  expect(order).toEqual(['/v1/a', 'handled', '/v1/b', 'handled']);
});

test('refusals are sent together, and are few answers of many', async () => {
  const clients = Array.from({ length: 20 }, socket);
  await Promise.all(clients.map((client) => once(client, 'connect')));
  const heard = clients.map((client) => once(client, 'data'));
  for (const client of clients) client.write(get('/v1/workflow-runs'));
  await Promise.all(heard);
  expect(refusals.reduce((sum, count) => sum + count, 0)).toBe(20);
  expect(refusals.length).toBeLessThan(10);
  clients.forEach((client) => client.destroy());
});

test('a refusal that waits when the server stops listening ends its connection', async () => {
  const client = await whoWaits();
  server.close();
  expect(await text(client)).toMatch(/^HTTP\/1.1 503 [^]*\r\nConnection: close\r\n/i);
});

test('a client that is gone before its refusal harms nobody', async () => {
  const client = await whoWaits();
  client.resetAndDestroy();
  while (refusals.length === 0) await sleep(5);
  expect(refusals).toEqual([1]);
  overloaded = false;
  expect(await answers(get('/v1/workflow-runs') + LAST)).toMatch(/handled[^]*handled/);
});
