import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { rawSocket } from '../support/probe-app.js';
import { taskFacts } from '../support/memory-engine.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let port: number;
beforeAll(async () => {
  memory = await startMemoryApp({ REQUEST_TIMEOUT: '700ms', MAX_STREAMS_PER_PROJECT: '5' });
  port = Number(new URL(memory.api.url).port);
  await createWorkflow(memory.api, 'target');
});
afterAll(() => memory.close());

const POST = 'POST /v1/workflow-runs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const BODY = '{"workflow":{"title":"target"}}';

describe('bytes that are no proper request', () => {
  test.each([
    { reason: 'no Host', bytes: 'GET /livez HTTP/1.1\r\n\r\n', status: 400 },
    { reason: 'two Hosts', bytes: 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', status: 400 },
    {
      reason: 'two lengths',
      bytes: `${POST}Content-Length: 2\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
      status: 400,
    },
    {
      reason: 'a length and chunks',
      bytes: `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n`,
      status: 400,
    },
    { reason: 'a coding nobody knows', bytes: `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, status: 400 },
    { reason: 'a blank before the colon', bytes: `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, status: 400 },
    { reason: 'a line that is folded', bytes: 'GET /livez HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n', status: 400 },
    { reason: 'line feeds alone', bytes: 'GET /livez HTTP/1.1\nHost: a\n\n', status: 400 },
    { reason: 'NUL in a header', bytes: 'GET /livez HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', status: 400 },
    { reason: 'HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400 },
    { reason: 'more announced than allowed', bytes: `${POST}Content-Length: 2000000000\r\n\r\n{`, status: 413 },
    {
      reason: 'more sent than announced',
      bytes: `${POST}Connection: close\r\nContent-Length: 5\r\n\r\n${BODY}`,
      status: 400,
    },
    { reason: 'a method no route takes', bytes: 'QUERY /v1/engines HTTP/1.1\r\nHost: a\r\n\r\n', status: 405 },
    { reason: 'the same where nothing is', bytes: 'QUERY /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n', status: 404 },
    { reason: 'TRACE', bytes: 'TRACE /v1/engines HTTP/1.1\r\nHost: a\r\n\r\n', status: 405 },
    {
      reason: 'a body that is compressed',
      bytes: `${POST}Content-Encoding: gzip\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
      status: 415,
    },
    { reason: 'a body that never comes', bytes: `${POST}Content-Length: 100\r\n\r\n{`, status: 408 },
  ])('are answered $status, with a problem, and start nothing: $reason', async ({ bytes, status }) => {
    const before = await runs();
    const text = await exchange(bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text.toLowerCase()).toContain('content-type: application/problem+json');
    expect(text).toContain(`"status":${status}`);
    expect(text).not.toMatch(/node_modules|\.[jt]s:\d+/);
    expect(await runs()).toBe(before);
    expect((await memory.api.get('/engines')).status).toBe(200);
  });

  test('an expectation nobody knows is none', async () => {
    const text = await exchange('GET /livez HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test('a client that is late and leaves its side open loses the connection', async () => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write('GET /livez HTTP/1.1\r\nX: ');
  const refused = new Promise<{ code?: string }>((resolve) => socket.once('error', resolve));
  await new Promise((resolve) => socket.resume().once('end', resolve));
  const drip = setInterval(() => socket.write('a'), 100);
  expect((await refused).code).toMatch(/EPIPE|ECONNRESET/);
  clearInterval(drip);
  socket.destroy();
});

test('clients that leave before the answer is ready keep no stream slot', async () => {
  const { id } = await createRun(memory.api, 'target');
  await submitted(memory.api, id);
  memory.engine.logs.set('load/1', { text: 'one\n', open: true });
  memory.engine.say(id, { phase: 'running', taskRuns: [taskFacts('load', { state: 'RUNNING' })] });
  const tasks = await until(
    () => memory.api.get(`/workflow-runs/${id}/task-runs`),
    ({ body }) => body.items.length > 0,
  );
  const paths = [
    `/v1/workflow-runs/${id}/lifecycle-events`,
    `/v1/task-runs/${tasks.body.items[0]?.id}/logs`,
    `/v1/workflow-runs/${id}/wait`,
  ];
  for (const path of paths) {
    const accept = path.endsWith('wait') ? 'application/json' : 'text/event-stream';
    for (let n = 0; n < 30; n += 1) await knockAndLeave(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`);
  }
  const abort = new AbortController();
  const open = (): Promise<Response[]> =>
    Promise.all(
      Array.from({ length: 5 }, () =>
        memory.api.open('GET', `/workflow-runs/${id}/lifecycle-events`, undefined, {
          headers: { accept: 'text/event-stream' },
          signal: abort.signal,
        }),
      ),
    );
  await until(
    async () => {
      const responses = await open();
      const statuses = responses.map(({ status }) => status);
      for (const response of responses) await response.body?.cancel();
      return statuses;
    },
    (statuses) => statuses.every((status) => status === 200),
  );
  abort.abort();
});

async function runs(): Promise<number> {
  const { rows } = await memory.app.database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM workflow_runs' });
  return rows[0]?.n ?? -1;
}

/** What comes back first; the connection may stay open behind it. */
function exchange(bytes: string): Promise<string> {
  const closing = bytes.includes('Connection: close') ? bytes : undefined;
  if (closing !== undefined) return rawSocket(port, closing);
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** Sends a request and resets the connection without waiting for anything. */
function knockAndLeave(bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(bytes, () => {
        socket.resetAndDestroy();
      }),
    );
    socket.once('error', () => undefined);
    socket.once('close', () => resolve());
  });
}
