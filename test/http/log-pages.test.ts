/** Pages of logs over real sockets. The engine lends its chunks: one that is asked for too early overwrites the one before. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { taskFacts } from '../support/memory-engine.js';
import { until } from '../support/until.js';

/** More than the kernel takes for a client that does not read. */
const LOG = Array.from({ length: 160_000 }, (_, line) => `line ${line} of a log that is long äöü\n`).join('');
const PAGE_BYTES = 8 * 1024 * 1024;

let memory: MemoryApp;
let path: string;
let agent: Agent;
beforeAll(async () => {
  memory = await startMemoryApp();
  await createWorkflow(memory.api, 'logged');
  const { id } = await createRun(memory.api, 'logged');
  await submitted(memory.api, id);
  memory.engine.say(id, { phase: 'running', taskRuns: [taskFacts('load', { state: 'RUNNING' })] });
  const { body } = await until(
    () => memory.api.get(`/workflow-runs/${id}/task-runs`),
    (answer) => answer.body.items.length > 0,
  );
  path = `/v1/task-runs/${body.items[0]?.id}/logs`;
});
beforeEach(() => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  memory.engine.logs.set('load/1', { text: LOG, open: false });
});
/** However a page ended, the engine holds nothing open for it. */
afterEach(async () => {
  agent.destroy();
  await until(
    () => Promise.resolve(memory.engine.pagesOpen),
    (open) => open === 0,
  );
});
afterAll(() => memory.close());

test.each([
  { client: 'at once', pauseMs: 0 },
  { client: 'slowly', pauseMs: 5 },
])('a client that reads $client gets every byte as it was written', async ({ pauseMs }) => {
  const text = await read(await ask('GET'), pauseMs);
  // Not compared by Jest, which would print megabytes.
  expect(firstDifference(text, LOG)).toBe(-1);
});

test('an answer looks as every other one does, and its connection goes on', async () => {
  const whole = await ask('GET');
  expect(whole.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'transfer-encoding': 'chunked',
    'x-content-type-options': 'nosniff',
    connection: 'keep-alive',
  });
  expect(whole.headers.link).toBeUndefined();
  const port = whole.socket.localPort;
  await read(whole);
  const part = await ask('GET', 100_000);
  expect(part.socket.localPort).toBe(port);
  expect(part.headers.link).toBe(`<${path}?attempt=1&limit=100000&cursor=100000>; rel="next"`);
  expect(LOG.startsWith(await read(part))).toBe(true);
  const head = await ask('HEAD');
  // The time aside, which may be another.
  expect({ ...head.headers, 'transfer-encoding': 'chunked', date: '' }).toEqual({ ...whole.headers, date: '' });
  expect(await read(head)).toBe('');
});

test('a client that leaves in the middle leaves no page open', async () => {
  const answer = await ask('GET');
  expect(memory.engine.pagesOpen).toBe(1);
  answer.destroy();
});

test('clients that leave before they are answered leave no page open', async () => {
  const { hostname, port } = new URL(memory.api.url);
  for (let count = 0; count < 30; count += 1) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, () => socket.resetAndDestroy()),
      );
      socket.on('error', () => undefined).once('close', () => resolve());
    });
  }
  expect((await ask('HEAD')).statusCode).toBe(200);
});

test('a client that leaves while one answer waits for another leaves no page open', async () => {
  const { hostname, port } = new URL(memory.api.url);
  const one = `GET ${path}?limit=${PAGE_BYTES} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const socket = connect(Number(port), hostname, () => socket.write(one.repeat(3)));
  socket.on('error', () => undefined).pause();
  await until(
    () => Promise.resolve(memory.engine.pagesOpen),
    (open) => open > 1,
  );
  socket.resetAndDestroy();
});

test('a log that cannot be read is a problem; one that breaks off later breaks the connection', async () => {
  memory.engine.logs.set('load/1', { text: LOG, open: false, breaksAt: 0 });
  const refused = await ask('GET');
  expect(refused.statusCode).toBe(500);
  expect(JSON.parse(await read(refused))).toMatchObject({ code: 'internal-error' });
  memory.engine.logs.set('load/1', { text: LOG, open: false, breaksAt: 100_000 });
  const broken = await ask('GET');
  expect(broken.statusCode).toBe(200);
  await expect(read(broken)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

function ask(method: string, limit = PAGE_BYTES): Promise<IncomingMessage> {
  const url = new URL(`${path}?limit=${limit}`, memory.api.url);
  return new Promise((resolve, reject) => {
    request(url, { method, agent, headers: { accept: 'text/plain' } }, resolve)
      .on('error', reject)
      .end();
  });
}

/** The body, with a pause behind each of its chunks: the kernel's buffers fill meanwhile, and the service has to wait. */
async function read(answer: IncomingMessage, pauseMs = 0): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return Buffer.concat(chunks).toString();
}

function firstDifference(one: string, other: string): number {
  if (one === other) return -1;
  let at = 0;
  while (one[at] === other[at]) at += 1;
  return at;
}
