/** Which Airflow it is, asked of one that does not answer at times. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { callContext } from '../conformance/world.js';
import { AirflowClient } from './airflow-client.js';
import { readAirflowOptions } from './airflow-options.js';

let server: Server;
let client: AirflowClient;
let answers: boolean;

beforeEach(async () => {
  answers = false;
  server = createServer((_request, response) => {
    if (!answers) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"version":"3.3.2"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new AirflowClient(readAirflowOptions({ url, token: 'any' }));
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('two probes at once that are both in vain end nothing but themselves, and are forgotten', async () => {
  const probes = [client.probe(callContext(100)), client.probe(callContext(200))];
  expect((await Promise.allSettled(probes)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  // A rejection that nobody waits for fails the test by itself.
  await new Promise((resolve) => setTimeout(resolve, 50));
  answers = true;
  expect((await client.version(callContext())).version).toBe('3.3.2');
});

test('a probe in vain takes nothing from what is known', async () => {
  answers = true;
  await client.probe(callContext());
  answers = false;
  await expect(client.probe(callContext(100))).rejects.toThrow();
  expect((await client.version(callContext(100))).version).toBe('3.3.2');
});
