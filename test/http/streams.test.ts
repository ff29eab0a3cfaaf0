import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api } from '../support/api.js';
import { taskFacts } from '../support/memory-engine.js';
import {
  createRun,
  createWorkflow,
  inState,
  startMemoryApp,
  submitted,
  type MemoryApp,
} from '../support/memory-app.js';
import { EventStream, leaveStreams } from '../support/event-stream.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp({ MAX_STREAMS_PER_PROJECT: '4' });
  api = memory.api;
  await createWorkflow(api, 'followed');
});
afterEach(leaveStreams);
afterAll(() => memory.close());

async function finish(runId: number): Promise<void> {
  memory.engine.say(runId, { phase: 'succeeded', taskRuns: [taskFacts('load'), taskFacts('clean')] });
  await inState(api, runId, 'COMPLETED');
}

describe('lifecycle events as a stream', () => {
  test('are told as they happen, each once and in order, and end with the final one', async () => {
    const run = await createRun(api, 'followed');
    const stream = await EventStream.open(api, `/workflow-runs/${run.id}/lifecycle-events`);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await submitted(api, run.id);
    await finish(run.id);
    await stream.ended;
    const events = stream.messages.map((message) => JSON.parse(message.data) as { seq: number; to?: string });
    const { items } = (await api.get(`/workflow-runs/${run.id}/lifecycle-events`)).body;
    expect(events).toEqual(items);
    expect(stream.messages.map((message) => message.id)).toEqual(events.map((event) => String(event.seq)));
    expect(events.at(-1)).toMatchObject({ to: 'COMPLETED' });
  });

  test('go on after Last-Event-ID, and say that there is nothing more', async () => {
    const run = await createRun(api, 'followed');
    await submitted(api, run.id);
    await finish(run.id);
    const path = `/workflow-runs/${run.id}/lifecycle-events`;
    const all = (await api.get(path)).body.items;
    const rest = await EventStream.open(api, path, { headers: { 'last-event-id': '1' } });
    await rest.ended;
    expect(rest.messages.map((message) => JSON.parse(message.data) as unknown)).toEqual(all.slice(1));
    const over = await EventStream.open(api, path, { headers: { 'last-event-id': String(all.length) } });
    expect(over.response.status).toBe(204);
    const whole = await EventStream.open(api, path);
    await whole.ended;
    expect(whole.messages.length).toBe(all.length);
  });

  test('end with the run for who claims to have read further than it has come', async () => {
    const run = await createRun(api, 'followed');
    await submitted(api, run.id);
    const headers = { 'last-event-id': '2147483647' };
    const stream = await EventStream.open(api, `/workflow-runs/${run.id}/lifecycle-events`, { headers });
    await finish(run.id);
    await stream.ended;
    expect(JSON.parse(stream.messages.at(-1)?.data ?? '')).toMatchObject({ to: 'COMPLETED' });
  });

  test('of a cursor that is none are refused as a list of it is', async () => {
    const run = await createRun(api, 'followed');
    const answer = await api.get(`/workflow-runs/${run.id}/lifecycle-events?cursor=abc`, {
      headers: { accept: 'text/event-stream' },
    });
    expect([answer.status, answer.body['errors']]).toEqual([422, [expect.objectContaining({ code: 'bad-cursor' })]]);
  });

  test('are shared by several clients of one run, and by clients of several runs', async () => {
    const runs = [await createRun(api, 'followed'), await createRun(api, 'followed')];
    const streams = await Promise.all(
      [runs[0], runs[0], runs[1]].map((run) => EventStream.open(api, `/workflow-runs/${run?.id}/lifecycle-events`)),
    );
    for (const run of runs) {
      await submitted(api, run.id);
      await finish(run.id);
    }
    await Promise.all(streams.map((stream) => stream.ended));
    expect(streams[0]?.messages).toEqual(streams[1]?.messages);
    expect(streams[2]?.messages.length).toBeGreaterThan(1);
  });

  test('take the project as a parameter too, and nobody else sees them', async () => {
    const run = await createRun(api, 'followed');
    const path = `/workflow-runs/${run.id}/lifecycle-events`;
    const own = await EventStream.open(api, `${path}?project=default`);
    expect(own.response.status).toBe(200);
    const other = await EventStream.open(api, `${path}?project=other`);
    expect(other.response.status).toBe(404);
    const both = await EventStream.open(api, `${path}?project=other`, { project: 'default' });
    expect(both.response.status).toBe(422);
  });

  test('are bounded per project, and clients that leave make room', async () => {
    const run = await createRun(api, 'followed');
    const path = `/workflow-runs/${run.id}/lifecycle-events`;
    const streams: EventStream[] = [];
    for (let n = 0; n < 4; n += 1) streams.push(await EventStream.open(api, path));
    const refused = await api.get(path, { headers: { accept: 'text/event-stream' } });
    expect(refused.body).toMatchObject({ status: 429, code: 'too-many-requests' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await api.get(`/workflow-runs/${run.id}/wait?timeout=1`)).status).toBe(429);
    const stranger = api.as({ project: 'another' });
    await createWorkflow(stranger, 'followed');
    const theirs = await createRun(stranger, 'followed');
    const other = await EventStream.open(stranger, `/workflow-runs/${theirs.id}/lifecycle-events`);
    expect(other.response.status).toBe(200);
    await streams[0]?.leave();
    await until(
      async () => (await EventStream.open(api, path)).response.status,
      (status) => status === 200,
    );
  });
});

describe('waiting', () => {
  test('answers as soon as the run is final, without asking the engine itself', async () => {
    const run = await createRun(api, 'followed');
    await submitted(api, run.id);
    const waiting = api.get(`/workflow-runs/${run.id}/wait?until=final&timeout=30`);
    memory.engine.say(run.id, { phase: 'succeeded', taskRuns: [taskFacts('load'), taskFacts('clean')] });
    const began = Date.now();
    expect((await waiting).body).toMatchObject({ id: run.id, state: 'COMPLETED' });
    // Sooner than the reconciler's interval of 15 s: a watched run is visited.
    expect(Date.now() - began).toBeLessThan(8_000);
    const again = await api.get(`/workflow-runs/${run.id}/wait?timeout=60`);
    expect(again.body).toMatchObject({ state: 'COMPLETED' });
  });

  test('answers with the run as it is when time is over', async () => {
    const run = await createRun(api, 'followed');
    await submitted(api, run.id);
    const began = Date.now();
    const answer = await api.get(`/workflow-runs/${run.id}/wait?timeout=1`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id: run.id, state: 'SCHEDULED' });
    expect(Date.now() - began).toBeGreaterThanOrEqual(950);
    for (const query of ['timeout=0', 'timeout=61', 'until=never', 'timeout=abc']) {
      expect((await api.get(`/workflow-runs/${run.id}/wait?${query}`)).status).toBe(422);
    }
  });
});

test('closing the application ends streams and long polls', async () => {
  const own = await startMemoryApp();
  await createWorkflow(own.api, 'open');
  const run = await createRun(own.api, 'open');
  const stream = await EventStream.open(own.api, `/workflow-runs/${run.id}/lifecycle-events`);
  const waiting = own.api.get(`/workflow-runs/${run.id}/wait?timeout=60`).catch(() => undefined);
  await until(
    () => Promise.resolve(stream.messages.length),
    (count) => count > 0,
  );
  const began = Date.now();
  await own.close();
  await Promise.all([stream.ended, waiting]);
  expect(Date.now() - began).toBeLessThan(5_000);
});
