/** No answer, however broken, and no reader, however careless, may keep a connection: a client with a single one has to go on. */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EngineError } from '../engine-error.js';
import { EngineHttp } from './engine-http.js';
import type { HttpRequest } from './engine-http.js';
import { BROKEN_ANSWERS, head, startRawEngine } from './raw-engine.test-support.js';
import type { Answer, RawEngine } from './raw-engine.test-support.js';

/** Far above what a call on loopback takes; a connection that was kept never comes free. */
const NEXT_CALL_MS = 5_000;
/** From the last byte of an answer that never ends to its caller's deadline. */
const PATIENCE_MS = 50;
/** Of a body without end, before its reader's deadline. */
const PATIENCE_BYTES = 1_048_576;

const BROKEN: HttpRequest = { method: 'GET', path: '/broken' };
const HEALTHY: HttpRequest = { method: 'GET', path: '/healthy' };

type Read = (body: Readable, deadline: () => void) => Promise<void>;

const READERS: [reader: string, read: Read][] = [
  ['destroys it unread', async (body) => void body.destroy()],
  ['destroys it unread and has a deadline after that', leaves],
  ['stops after the first bytes', readsOnce],
  ['destroys it while a read is pending', destroysWhileReading],
  ['reads to the end or to its deadline', readsAll],
  ['leaves it to the deadline unread', async (_, deadline) => deadline()],
];

let engine: RawEngine;
let client: EngineHttp;

beforeEach(async () => {
  engine = await startRawEngine();
  client = new EngineHttp({ url: engine.url, connections: 1, streams: 1, readRefusal: () => ({}) });
});

afterEach(async () => {
  client.close();
  await engine.close();
});

describe.each(BROKEN_ANSWERS)('the next call has a connection after %s', (_shape, code, answer) => {
  test('that was to be parsed whole', async () => {
    const { ctx } = plays(answer);
    await expect(client.request(BROKEN, ctx)).rejects.toMatchObject({ name: 'EngineError', code });
    await expectNextCall();
  });

  test.each(READERS)('as a stream whose reader %s', async (_reader, read) => {
    const { ctx, deadline } = plays(answer);
    const stream = await client.stream(BROKEN, ctx).catch((error: unknown) => {
      expect(error).toBeInstanceOf(EngineError);
    });
    // What a broken body throws is its reader's to map.
    if (stream) await read(stream.body, deadline).catch(() => undefined);
    await expectNextStream();
  });
});

test('a connection that was idle for long enough to be closed by the engine is not used again', async () => {
  const ask = (): Promise<unknown> => client.request(HEALTHY, context(new AbortController()));
  await ask();
  await ask();
  expect(engine.connections).toBe(1);
  // Shorter than any server's patience with idle connections.
  await sleep(1_500);
  await ask();
  expect(engine.connections).toBe(2);
});

test('a call does not wait for a stream that somebody goes on reading', async () => {
  const { ctx, deadline } = plays((socket) => socket.write(`${head('200 OK', 'content-type: text/plain')}a line\n`));
  const { body } = await client.stream(BROKEN, ctx);
  await expectNextCall();
  body.destroy();
  deadline();
});

test('a body that is read whole leaves its connection to the next call', async () => {
  for (let time = 0; time < 3; time += 1) {
    const { body } = await client.stream(HEALTHY, context(new AbortController()));
    expect(await textOf(body)).toBe('{"ok":true}');
  }
  expect(engine.connections).toBe(1);
});

test('a call that waited for a connection until its deadline takes none', async () => {
  const controller = new AbortController();
  let first: Promise<unknown> = Promise.resolve();
  await new Promise<void>((arrived) => {
    engine.plays(
      () => arrived(),
      () => undefined,
    );
    first = client.request(BROKEN, context(controller)).catch((error: unknown) => error);
  });
  const waiting = new AbortController();
  const second = client.request(HEALTHY, context(waiting)).catch((error: unknown) => error);
  // Until it stands in the queue.
  await sleep(PATIENCE_MS);
  waiting.abort();
  expect(await second).toMatchObject({ code: 'timeout' });
  controller.abort();
  expect(await first).toMatchObject({ code: 'timeout' });
  await expectNextCall();
});

function plays(answer: Answer): { ctx: ReturnType<typeof context>; deadline: () => void } {
  const controller = new AbortController();
  const deadline = (): void => controller.abort();
  engine.plays(answer, () => setTimeout(deadline, PATIENCE_MS));
  return { ctx: context(controller), deadline };
}

function context({ signal }: AbortController): { signal: AbortSignal; traceparent: string } {
  return { signal, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
}

/** And the broken answer was asked for once, and led nowhere else. */
async function expectNextCall(): Promise<void> {
  const signal = AbortSignal.timeout(NEXT_CALL_MS);
  const { json } = await client.request(HEALTHY, { ...context(new AbortController()), signal });
  expect(json).toEqual({ ok: true });
  expect(engine.paths).toEqual(['/broken', '/healthy']);
}

async function expectNextStream(): Promise<void> {
  const signal = AbortSignal.timeout(NEXT_CALL_MS);
  const { body } = await client.stream(HEALTHY, { ...context(new AbortController()), signal });
  expect(JSON.parse(await textOf(body))).toEqual({ ok: true });
  expect(engine.paths).toEqual(['/broken', '/healthy']);
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function leaves(body: Readable, deadline: () => void): Promise<void> {
  body.destroy();
  await sleep(PATIENCE_MS);
  deadline();
}

async function readsOnce(body: Readable): Promise<void> {
  for await (const _ of body) break;
}

async function destroysWhileReading(body: Readable): Promise<void> {
  const reading = readsAll(body, () => body.destroy());
  await sleep(PATIENCE_MS / 2);
  body.destroy();
  await reading;
}

async function readsAll(body: Readable, deadline: () => void): Promise<void> {
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > PATIENCE_BYTES) deadline();
  }
}
