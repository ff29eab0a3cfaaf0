import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { TaskRunFacts } from '../../adapters/spi/facts.js';
import type { Api, ApiOptions } from '../support/api.js';
import { taskFacts } from '../support/memory-engine.js';
import {
  createRun,
  createWorkflow,
  inState,
  startMemoryApp,
  submitted,
  type MemoryApp,
} from '../support/memory-app.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let api: Api;
const open: Stream[] = [];
beforeAll(async () => {
  memory = await startMemoryApp({ MAX_STREAMS_PER_PROJECT: '4' });
  api = memory.api;
  await createWorkflow(api, 'followed');
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((stream) => stream.leave()));
});
afterAll(() => memory.close());

/** An event stream, read in the background. */
class Stream {
  readonly messages: EventSourceMessage[] = [];
  readonly ended: Promise<void>;

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    this.ended = this.read();
  }

  static async open(client: Api, path: string, options: ApiOptions = {}): Promise<Stream> {
    const abort = new AbortController();
    const headers = { accept: 'text/event-stream', ...options.headers };
    const response = await client.open('GET', path, undefined, { ...options, headers, signal: abort.signal });
    const stream = new Stream(response, abort);
    open.push(stream);
    return stream;
  }

  async leave(): Promise<void> {
    this.abort.abort();
    await this.ended;
  }

  private async read(): Promise<void> {
    const parser = createParser({ onEvent: (message) => this.messages.push(message) });
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? []) {
        parser.feed(decoder.decode(chunk, { stream: true }));
      }
    } catch (error) {
      if (!this.abort.signal.aborted) throw error;
    }
  }
}

/** What messages of a followed log say. */
function textOf(messages: readonly EventSourceMessage[]): string {
  return messages
    .filter((message) => message.event === undefined)
    .map((message) => (JSON.parse(message.data) as { text: string }).text)
    .join('');
}

async function finish(runId: number): Promise<void> {
  memory.engine.say(runId, { phase: 'succeeded', taskRuns: [taskFacts('load'), taskFacts('clean')] });
  await inState(api, runId, 'COMPLETED');
}

describe('lifecycle events as a stream', () => {
  test('are told as they happen, each once and in order, and end with the final one', async () => {
    const run = await createRun(api, 'followed');
    const stream = await Stream.open(api, `/workflow-runs/${run.id}/lifecycle-events`);
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
    const rest = await Stream.open(api, path, { headers: { 'last-event-id': '1' } });
    await rest.ended;
    expect(rest.messages.map((message) => JSON.parse(message.data) as unknown)).toEqual(all.slice(1));
    const over = await Stream.open(api, path, { headers: { 'last-event-id': String(all.length) } });
    expect(over.response.status).toBe(204);
    const whole = await Stream.open(api, path);
    await whole.ended;
    expect(whole.messages.length).toBe(all.length);
  });

  test('are shared by several clients of one run, and by clients of several runs', async () => {
    const runs = [await createRun(api, 'followed'), await createRun(api, 'followed')];
    const streams = await Promise.all(
      [runs[0], runs[0], runs[1]].map((run) => Stream.open(api, `/workflow-runs/${run?.id}/lifecycle-events`)),
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
    const own = await Stream.open(api, `${path}?project=default`);
    expect(own.response.status).toBe(200);
    const other = await Stream.open(api, `${path}?project=other`);
    expect(other.response.status).toBe(404);
    const both = await Stream.open(api, `${path}?project=other`, { project: 'default' });
    expect(both.response.status).toBe(422);
  });

  test('are bounded per project, and clients that leave make room', async () => {
    const run = await createRun(api, 'followed');
    const path = `/workflow-runs/${run.id}/lifecycle-events`;
    const streams: Stream[] = [];
    for (let n = 0; n < 4; n += 1) streams.push(await Stream.open(api, path));
    const refused = await api.get(path, { headers: { accept: 'text/event-stream' } });
    expect(refused.body).toMatchObject({ status: 429, code: 'too-many-requests' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await api.get(`/workflow-runs/${run.id}/wait?timeout=1`)).status).toBe(429);
    const stranger = api.as({ project: 'another' });
    await createWorkflow(stranger, 'followed');
    const theirs = await createRun(stranger, 'followed');
    const other = await Stream.open(stranger, `/workflow-runs/${theirs.id}/lifecycle-events`);
    expect(other.response.status).toBe(200);
    await streams[0]?.leave();
    await until(
      async () => (await Stream.open(api, path)).response.status,
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

describe('logs', () => {
  /** A task run with two attempts. */
  let twice: number;
  beforeAll(async () => {
    const { runId, taskRunId } = await runWithTasks();
    twice = taskRunId;
    await beginAttempt(runId, taskRunId, 2);
  });
  beforeEach(() => {
    memory.engine.logs.clear();
    for (const attempt of [1, 2]) memory.engine.logs.set(`load/${attempt}`, { text: 'text\n', open: false });
  });

  async function runWithTasks(facts: Partial<TaskRunFacts> = {}): Promise<{ runId: number; taskRunId: number }> {
    const run = await createRun(api, 'followed');
    await submitted(api, run.id);
    memory.engine.say(run.id, { phase: 'running', taskRuns: [taskFacts('load', { state: 'RUNNING', ...facts })] });
    const { body } = await until(
      () => api.get(`/workflow-runs/${run.id}/task-runs`),
      (answer) => answer.body.items.length > 0,
    );
    return { runId: run.id, taskRunId: body.items[0]?.id ?? 0 };
  }

  async function beginAttempt(runId: number, taskRunId: number, attempt: number): Promise<void> {
    memory.engine.say(runId, { taskRuns: [taskFacts('load', { state: 'RUNNING', attempt })] });
    await until(
      () => api.get(`/task-runs/${taskRunId}`),
      ({ body }) => (body as { attempt?: number }).attempt === attempt,
    );
  }

  test('are read in pages by their links, by either path', async () => {
    const { runId, taskRunId } = await runWithTasks();
    const text = Array.from({ length: 300 }, (_, n) => `line ${n} äöü\n`).join('');
    memory.engine.logs.set('load/1', { text, open: false });
    for (const start of [`/task-runs/${taskRunId}/logs`, `/workflow-runs/${runId}/task-runs/${taskRunId}/logs`]) {
      let read = '';
      let pages = 0;
      let next: string | undefined = `${start}?limit=1024&attempt=1`;
      while (next !== undefined) {
        const page = await api.get(next);
        expect(page.status).toBe(200);
        expect(page.headers.get('content-type')).toBe('text/plain; charset=utf-8');
        read += page.text;
        pages += 1;
        next = /^<\/v1([^>]+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      expect(pages).toBeGreaterThan(3);
      expect(read.startsWith('line 0 äöü\n')).toBe(true);
      expect(read.endsWith('line 299 äöü\n')).toBe(true);
    }
  });

  test('that are gone are 410 with the reason', async () => {
    const { taskRunId } = await runWithTasks();
    memory.engine.logs.delete('load/1');
    for (const accept of ['text/plain', 'text/event-stream']) {
      const answer = await api.get(`/task-runs/${taskRunId}/logs`, { headers: { accept } });
      expect(answer.body).toMatchObject({ status: 410, code: 'logs-gone', reason: 'deleted by retention' });
    }
    expect((await api.get(`/task-runs/${taskRunId}/logs?attempt=7`)).body).toMatchObject({
      status: 422,
      errors: [{ parameter: 'attempt' }],
    });
  });

  test('are followed while they grow, and go on after Last-Event-ID', async () => {
    const { taskRunId } = await runWithTasks();
    memory.engine.logs.set('load/1', { text: 'one\n', open: true });
    const stream = await Stream.open(api, `/task-runs/${taskRunId}/logs`);
    await until(
      () => Promise.resolve(stream.messages.length),
      (count) => count > 0,
    );
    memory.engine.logs.set('load/1', { text: 'one\ntwo\n', open: false });
    await stream.ended;
    expect(textOf(stream.messages)).toBe('one\ntwo\n');
    expect(stream.messages.at(-1)?.event).toBe('end');
    const rest = await Stream.open(api, `/task-runs/${taskRunId}/logs`, {
      headers: { 'last-event-id': stream.messages[0]?.id ?? '' },
    });
    await rest.ended;
    expect(textOf(rest.messages)).toBe('two\n');
  });

  test('go on in the attempt they were in, whichever has begun since', async () => {
    const { runId, taskRunId } = await runWithTasks();
    const path = `/task-runs/${taskRunId}/logs`;
    memory.engine.logs.set('load/1', { text: 'one\n', open: true });
    const broken = await Stream.open(api, path);
    await until(
      () => Promise.resolve(broken.messages.length),
      (count) => count > 0,
    );
    await broken.leave();
    memory.engine.logs.set('load/1', { text: 'one\ntwo\n', open: false });
    memory.engine.logs.set('load/2', { text: 'again\n', open: true });
    await beginAttempt(runId, taskRunId, 2);
    for (const query of ['', '?attempt=1', '?cursor=0']) {
      const headers = { 'last-event-id': broken.messages[0]?.id ?? '' };
      const rest = await Stream.open(api, `${path}${query}`, { headers });
      await rest.ended;
      expect(textOf(rest.messages)).toBe('two\n');
      expect(rest.messages.at(-1)?.event).toBe('end');
    }
    const latest = await Stream.open(api, path);
    await until(
      () => Promise.resolve(latest.messages.length),
      (count) => count > 0,
    );
    expect(textOf(latest.messages)).toBe('again\n');
  });

  test.each([
    { length: 'one message', text: 'one\n' },
    { length: 'several', text: 'a line of a log that is long\n'.repeat(5_000) },
    { length: 'none', text: '' },
  ])('of $length are told once: whoever has all of it is answered 204', async ({ text }) => {
    const { runId, taskRunId } = await runWithTasks();
    memory.engine.logs.set('load/1', { text, open: false });
    let end = '';
    for (const path of [`/task-runs/${taskRunId}/logs`, `/workflow-runs/${runId}/task-runs/${taskRunId}/logs`]) {
      const stream = await Stream.open(api, path);
      await stream.ended;
      expect(textOf(stream.messages)).toBe(text);
      expect(stream.messages.at(-1)?.event).toBe('end');
      end = stream.messages.at(-1)?.id ?? '';
      // The connection may break between the last text and the end.
      for (const last of stream.messages.slice(-2)) {
        const over = await Stream.open(api, path, { headers: { 'last-event-id': last.id ?? '' } });
        await over.ended;
        expect([over.response.status, over.messages]).toEqual([204, []]);
      }
      for (const [index, message] of stream.messages.slice(0, -2).entries()) {
        const rest = await Stream.open(api, path, { headers: { 'last-event-id': message.id ?? '' } });
        await rest.ended;
        expect(rest.messages).toEqual(stream.messages.slice(index + 1));
      }
    }
    await beginAttempt(runId, taskRunId, 2);
    const over = await Stream.open(api, `/task-runs/${taskRunId}/logs`, { headers: { 'last-event-id': end } });
    expect(over.response.status).toBe(204);
  });

  test.each([{ query: '' }, { query: '?attempt=1' }])(
    'of a task that never began end once: $query',
    async ({ query }) => {
      const { taskRunId } = await runWithTasks({ state: 'SKIPPED', attempt: 0, attempts: [] });
      const path = `/task-runs/${taskRunId}/logs${query}`;
      const stream = await Stream.open(api, path);
      await stream.ended;
      expect(stream.messages).toMatchObject([{ event: 'end', data: '{}' }]);
      const over = await Stream.open(api, path, { headers: { 'last-event-id': stream.messages[0]?.id ?? '' } });
      expect(over.response.status).toBe(204);
    },
  );

  test('say why they end early, and to whoever comes back as well', async () => {
    const { taskRunId } = await runWithTasks();
    memory.engine.logs.set('load/1', { text: 'one\n', open: true });
    const stream = await Stream.open(api, `/task-runs/${taskRunId}/logs`);
    await until(
      () => Promise.resolve(stream.messages.length),
      (count) => count > 0,
    );
    memory.engine.logs.delete('load/1');
    await stream.ended;
    expect(JSON.parse(stream.messages.at(-1)?.data ?? '')).toMatchObject({ code: 'logs-gone' });
    const id = stream.messages.findLast((message) => message.id !== undefined)?.id ?? '';
    const back = await Stream.open(api, `/task-runs/${taskRunId}/logs`, { headers: { 'last-event-id': id } });
    expect(back.response.status).toBe(410);
  });

  test.each([
    { reason: 'an id of nothing', id: 'nonsense', code: 'bad-last-event-id' },
    { reason: 'an empty id', id: '', code: 'bad-last-event-id' },
    { reason: 'an id without its attempt', id: '4', code: 'bad-last-event-id' },
    { reason: 'a cursor of no attempt', id: '0:4', code: 'bad-last-event-id' },
    { reason: 'two ids', id: '1:4, 1:4', code: 'bad-last-event-id' },
    { reason: 'an attempt that is not there', id: '7:4', code: 'no-such-attempt' },
    { reason: 'the end of an attempt that is not there', id: '7/end', code: 'no-such-attempt' },
    { reason: 'another attempt than the parameter', id: '1:4', code: 'other-attempt', query: '?attempt=2' },
    { reason: 'the end of another attempt', id: '1/end', code: 'other-attempt', query: '?attempt=2' },
    { reason: 'a cursor that the engine does not know', id: '1:nonsense', code: 'bad-cursor' },
  ])('refuse a Last-Event-ID with $reason', async ({ id, code, query = '' }) => {
    const headers = { accept: 'text/event-stream', 'last-event-id': id };
    const answer = await api.get(`/task-runs/${twice}/logs${query}`, { headers });
    expect([answer.status, answer.body['errors']]).toEqual([
      422,
      [{ parameter: 'Last-Event-ID', code, message: expect.any(String) }],
    ]);
  });

  test('refuse a cursor that the engine does not know by its own name', async () => {
    for (const accept of ['text/plain', 'text/event-stream']) {
      const answer = await api.get(`/task-runs/${twice}/logs?cursor=nonsense`, { headers: { accept } });
      expect(answer.body).toMatchObject({ status: 422, errors: [{ parameter: 'cursor', code: 'bad-cursor' }] });
    }
  });
});

test('closing the application ends streams and long polls', async () => {
  const own = await startMemoryApp();
  await createWorkflow(own.api, 'open');
  const run = await createRun(own.api, 'open');
  const stream = await Stream.open(own.api, `/workflow-runs/${run.id}/lifecycle-events`);
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
