import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { taskFacts } from '../support/memory-engine.js';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { rawRequest } from '../support/probe-app.js';
import { until } from '../support/until.js';

let memory: MemoryApp;
beforeAll(async () => {
  memory = await startMemoryApp();
  await createWorkflow(memory.api, 'target');
});
afterAll(() => memory.close());

describe('labels', () => {
  test.each([
    { reason: 'a header in a value', label: { key: 'a', value: 'x\r\nSet-Cookie: a=b' } },
    { reason: 'a header in a key', label: { key: 'a\r\nX-Evil', value: 'x' } },
    { reason: 'a line end of Unicode', label: { key: 'a', value: 'x\u2028y' } },
    { reason: 'a control character of the upper half', label: { key: 'a', value: 'x\u0085' } },
    { reason: 'an escape', label: { key: 'a', value: '\u001b[2J' } },
  ])('that could become something else are refused: $reason', async ({ label }) => {
    const before = await memory.api.get('/workflow-runs');
    const answer = await memory.api.post('/workflow-runs', { workflow: { title: 'target' }, labels: [label] });
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect([answer.status, answer.body['errors']]).toMatchObject([
      422,
      [{ pointer: expect.stringMatching('^/labels/0') }],
    ]);
    expect((await memory.api.get('/workflow-runs')).body.items).toHaveLength(before.body.items.length);
  });

  test.each(['__proto__', 'constructor', 'x-evil'])('may be called %s, and are found by it', async (key) => {
    const run = await createRun(memory.api, 'target', { labels: [{ key, value: 'x' }] });
    expect(run['labels']).toEqual([{ key, value: 'x' }]);
    const found = await memory.api.get(`/workflow-runs?label_selector=${key}`);
    expect(found.body.items.map((item) => item.id)).toEqual([run.id]);
  });

  test('of every printable sort are in the links of a list, encoded', async () => {
    const value = `<>"';,=&%\\ rel="next" é\u{1f600}`;
    const labels = [{ key: 'odd', value }];
    await createRun(memory.api, 'target', { labels });
    const second = await createRun(memory.api, 'target', { labels });
    const quoted = `odd="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    const first = await memory.api.get(`/workflow-runs?limit=1&label_selector=${encodeURIComponent(quoted)}`);
    expect(first.body.items.map((item) => item.id)).toEqual([second.id]);
    const link = first.headers.get('link') ?? '';
    const [, next = ''] = /^<\/v1([!-;=?-~]+)>; rel="next"$/.exec(link) ?? [];
    expect((await memory.api.get(next)).body.items).toHaveLength(1);
  });
});

describe('what a task writes', () => {
  const hostile =
    '\u001b[31mred\u001b[0m \u001b]0;title\u0007 <script>alert(1)</script> &amp; \u202e \u0000 {{ 7*7 }} ${x}\n';

  test('is its log byte for byte, and no page', async () => {
    const { id } = await createRun(memory.api, 'target');
    await submitted(memory.api, id);
    memory.engine.logs.set('load/1', { text: hostile, open: false });
    const failure = { class: 'user' as const, code: 'exit-code', message: '<img src=x onerror=alert(1)>\u001b[2J' };
    memory.engine.say(id, { phase: 'failed', failure, taskRuns: [taskFacts('load', { state: 'FAILED', failure })] });
    const tasks = await until(
      () => memory.api.get(`/workflow-runs/${id}/task-runs`),
      ({ body }) => body.items.length > 0,
    );
    const url = `${memory.api.url}/v1/task-runs/${tasks.body.items[0]?.id}/logs`;
    const log = await rawRequest(url, { headers: { accept: 'text/html;q=0.9, text/plain' } });
    expect(log.text).toBe(hostile);
    expect(log.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("script-src 'self'"),
    });
    const run = await until(
      () => memory.api.get(`/workflow-runs/${id}`),
      ({ body }) => body.state === 'FAILED',
    );
    // Escaped in JSON, so that a terminal that shows the answer as it came does nothing.
    expect(run.text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(run.body['failure']?.message).toContain('onerror');
    expect(run.headers.get('content-type')).toMatch(/^application\/json/);
  });
});
