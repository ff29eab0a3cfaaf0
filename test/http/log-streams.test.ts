/** Logs of attempts, in pages and followed: the real app before an engine that says what a test wants. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { EventSourceMessage } from 'eventsource-parser';
import type { TaskRunFacts } from '../../adapters/spi/facts.js';
import type { Api } from '../support/api.js';
import { EventStream, leaveStreams } from '../support/event-stream.js';
import { taskFacts } from '../support/memory-engine.js';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
let api: Api;
beforeAll(async () => {
  memory = await startMemoryApp();
  api = memory.api;
  await createWorkflow(api, 'followed');
});
afterEach(leaveStreams);
afterAll(() => memory.close());

/** What messages of a followed log say. */
function textOf(messages: readonly EventSourceMessage[]): string {
  return messages
    .filter((message) => message.event === undefined)
    .map((message) => (JSON.parse(message.data) as { text: string }).text)
    .join('');
}

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
    const stream = await EventStream.open(api, `/task-runs/${taskRunId}/logs`);
    await until(
      () => Promise.resolve(stream.messages.length),
      (count) => count > 0,
    );
    memory.engine.logs.set('load/1', { text: 'one\ntwo\n', open: false });
    await stream.ended;
    expect(textOf(stream.messages)).toBe('one\ntwo\n');
    expect(stream.messages.at(-1)?.event).toBe('end');
    const rest = await EventStream.open(api, `/task-runs/${taskRunId}/logs`, {
      headers: { 'last-event-id': stream.messages[0]?.id ?? '' },
    });
    await rest.ended;
    expect(textOf(rest.messages)).toBe('two\n');
  });

  test('go on in the attempt they were in, whichever has begun since', async () => {
    const { runId, taskRunId } = await runWithTasks();
    const path = `/task-runs/${taskRunId}/logs`;
    memory.engine.logs.set('load/1', { text: 'one\n', open: true });
    const broken = await EventStream.open(api, path);
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
      const rest = await EventStream.open(api, `${path}${query}`, { headers });
      await rest.ended;
      expect(textOf(rest.messages)).toBe('two\n');
      expect(rest.messages.at(-1)?.event).toBe('end');
    }
    const latest = await EventStream.open(api, path);
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
      const stream = await EventStream.open(api, path);
      await stream.ended;
      expect(textOf(stream.messages)).toBe(text);
      expect(stream.messages.at(-1)?.event).toBe('end');
      end = stream.messages.at(-1)?.id ?? '';
      // The connection may break between the last text and the end.
      for (const last of stream.messages.slice(-2)) {
        const over = await EventStream.open(api, path, { headers: { 'last-event-id': last.id ?? '' } });
        await over.ended;
        expect([over.response.status, over.messages]).toEqual([204, []]);
      }
      for (const [index, message] of stream.messages.slice(0, -2).entries()) {
        const rest = await EventStream.open(api, path, { headers: { 'last-event-id': message.id ?? '' } });
        await rest.ended;
        expect(rest.messages).toEqual(stream.messages.slice(index + 1));
      }
    }
    await beginAttempt(runId, taskRunId, 2);
    const over = await EventStream.open(api, `/task-runs/${taskRunId}/logs`, { headers: { 'last-event-id': end } });
    expect(over.response.status).toBe(204);
  });

  test.each([{ query: '' }, { query: '?attempt=1' }])(
    'of a task that never began end once: $query',
    async ({ query }) => {
      const { taskRunId } = await runWithTasks({ state: 'SKIPPED', attempt: 0, attempts: [] });
      const path = `/task-runs/${taskRunId}/logs${query}`;
      const stream = await EventStream.open(api, path);
      await stream.ended;
      expect(stream.messages).toMatchObject([{ event: 'end', data: '{}' }]);
      const over = await EventStream.open(api, path, { headers: { 'last-event-id': stream.messages[0]?.id ?? '' } });
      expect(over.response.status).toBe(204);
    },
  );

  test('say why they end early, and to whoever comes back as well', async () => {
    const { taskRunId } = await runWithTasks();
    memory.engine.logs.set('load/1', { text: 'one\n', open: true });
    const stream = await EventStream.open(api, `/task-runs/${taskRunId}/logs`);
    await until(
      () => Promise.resolve(stream.messages.length),
      (count) => count > 0,
    );
    memory.engine.logs.delete('load/1');
    await stream.ended;
    expect(JSON.parse(stream.messages.at(-1)?.data ?? '')).toMatchObject({ code: 'logs-gone' });
    const id = stream.messages.findLast((message) => message.id !== undefined)?.id ?? '';
    const back = await EventStream.open(api, `/task-runs/${taskRunId}/logs`, { headers: { 'last-event-id': id } });
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
