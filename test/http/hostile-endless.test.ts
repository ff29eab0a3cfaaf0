/** Bodies that grow while they are read: aliases that double, and chunks without an end. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { startMemoryApp, type MemoryApp } from '../support/memory-app.js';
import { processorMs } from '../support/processor-time.js';

let memory: MemoryApp;
beforeAll(async () => {
  memory = await startMemoryApp();
});
afterAll(() => memory.close());

const SOON_MS = 100;

test('a definition whose aliases double at each step is refused at once, and not stored', async () => {
  const lines = Array.from({ length: 40 }, (_, step) => `a${step + 1}: &a${step + 1} [*a${step}, *a${step}]`);
  const definition = `apiVersion: signalbox/v1\nkind: Workflow\nname: laughs\na0: &a0 [ha]\n${lines.join('\n')}\n`;
  const body = { workflow_engine: memory.engine.name, definition_format: 'signalbox/v1', definition };
  const ms = await processorMs(SOON_MS, async () => {
    expect((await memory.api.post('/workflows', body)).status).toBe(422);
  });
  expect(ms).toBeLessThan(SOON_MS);
  expect((await memory.api.get('/workflows/laughs/1')).status).toBe(404);
});

test('a body of chunks without an end is refused once it is too long', async () => {
  const { hostname, port } = new URL(memory.app.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write('POST /v1/workflows HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n');
  socket.write('Transfer-Encoding: chunked\r\n\r\n');
  const chunk = `10000\r\n${'['.padEnd(65_536)}\r\n`;
  let sent = 0;
  for (; !socket.destroyed && answer === '' && sent < 1_000; sent++) {
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), closed]).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  await closed;
  expect(answer).toMatch(/^HTTP\/1.1 413 [\s\S]*"code":"body-too-large"/);
  // A mebibyte is sixteen of them; the rest was under way.
  expect(sent).toBeLessThan(500);
});
