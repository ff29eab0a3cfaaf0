import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Api, ApiAnswer } from '../support/api.js';
import { taskFacts } from '../support/memory-engine.js';
import {
  createRun,
  createWorkflow,
  inState,
  startMemoryApp,
  submitted,
  type MemoryApp,
} from '../support/memory-app.js';

let memory: MemoryApp;
let owner: Api;
let stranger: Api;
let runId: number;
let taskRunId: number;
const MISSING = 987_654;

beforeAll(async () => {
  memory = await startMemoryApp();
  owner = memory.api.as({ project: 'owner' });
  stranger = memory.api.as({ project: 'stranger' });
  await createWorkflow(owner, 'secret', { labels: [{ key: 'hidden', value: 'x' }] });
  runId = (await createRun(owner, 'secret', { labels: [{ key: 'hidden', value: 'x' }] })).id;
  await submitted(owner, runId);
  memory.engine.say(runId, { phase: 'succeeded', taskRuns: [taskFacts('load'), taskFacts('clean')] });
  await inState(owner, runId, 'COMPLETED');
  taskRunId = (await owner.get(`/workflow-runs/${runId}/task-runs`)).body.items[0]?.id ?? 0;
});
afterAll(() => memory.close());

/** An answer without what names the request itself. */
function essence({ status, body, text }: ApiAnswer): unknown {
  const { instance: _, trace_id: __, ...rest } = body as unknown as Record<string, unknown>;
  return { status, rest: JSON.stringify(rest).replaceAll(/\d+/g, '#'), empty: text === '' };
}

const stream = { headers: { accept: 'text/event-stream' } };

describe('an object of another project answers exactly as one that does not exist', () => {
  const onRun: [string, (api: Api, id: number) => Promise<ApiAnswer>][] = [
    ['get', (api, id) => api.get(`/workflow-runs/${id}`)],
    ['get with task runs', (api, id) => api.get(`/workflow-runs/${id}?include=task_runs`)],
    ['events', (api, id) => api.get(`/workflow-runs/${id}/lifecycle-events`)],
    ['event stream', (api, id) => api.get(`/workflow-runs/${id}/lifecycle-events`, stream)],
    ['wait', (api, id) => api.get(`/workflow-runs/${id}/wait?timeout=1`)],
    ['task runs', (api, id) => api.get(`/workflow-runs/${id}/task-runs`)],
    ['one task run', (api, id) => api.get(`/workflow-runs/${id}/task-runs/${taskRunId}`)],
    ['cancel', (api, id) => api.put(`/workflow-runs/${id}/cancel`)],
    ['retry', (api, id) => api.put(`/workflow-runs/${id}/retry`)],
    ['pause', (api, id) => api.put(`/workflow-runs/${id}/pause`)],
    ['resume', (api, id) => api.put(`/workflow-runs/${id}/resume`)],
    ['request', (api, id) => api.post(`/workflow-runs/${id}/lifecycle-events`, { type: 'CANCEL' })],
    ['dry run', (api, id) => api.post(`/workflow-runs/${id}/lifecycle-events`, { type: 'CANCEL', dry_run: true })],
    ['labels', (api, id) => api.patch(`/workflow-runs/${id}/labels`, { add: [{ key: 'a', value: 'b' }] })],
  ];
  test.each(onRun)('a run: %s', async (_, ask) => {
    const answer = await ask(stranger, runId);
    expect(answer.status).toBe(404);
    expect(essence(answer)).toEqual(essence(await ask(stranger, MISSING)));
  });

  const onTaskRun: [string, (api: Api, id: number) => Promise<ApiAnswer>][] = [
    ['get', (api, id) => api.get(`/task-runs/${id}`)],
    ['logs', (api, id) => api.get(`/task-runs/${id}/logs`)],
    ['log stream', (api, id) => api.get(`/task-runs/${id}/logs`, stream)],
    ['request', (api, id) => api.post(`/task-runs/${id}/lifecycle-events`, { type: 'RETRY' })],
  ];
  test.each(onTaskRun)('a task run: %s', async (_, ask) => {
    const answer = await ask(stranger, taskRunId);
    expect(answer.status).toBe(404);
    expect(essence(answer)).toEqual(essence(await ask(stranger, MISSING)));
  });

  const onWorkflow: [string, (api: Api, title: string) => Promise<ApiAnswer>][] = [
    ['versions', (api, title) => api.get(`/workflows/${title}`)],
    ['get', (api, title) => api.get(`/workflows/${title}/1`)],
    ['tasks', (api, title) => api.get(`/workflows/${title}/1/tasks`)],
    ['task', (api, title) => api.get(`/workflows/${title}/1/tasks/load`)],
    ['graph', (api, title) => api.get(`/workflows/${title}/1/graph`)],
    ['archive', (api, title) => api.delete(`/workflows/${title}/1?force=true`)],
    ['labels', (api, title) => api.patch(`/workflows/${title}/1/labels`, { add: [{ key: 'a', value: 'b' }] })],
    ['run', (api, title) => api.post('/workflow-runs', { workflow: { title } })],
  ];
  test.each(onWorkflow)('a workflow: %s', async (_, ask) => {
    const answer = await ask(stranger, 'secret');
    expect(answer.status).toBe(404);
    const missing = await ask(stranger, 'absent');
    expect(JSON.stringify(essence(answer))).toBe(JSON.stringify(essence(missing)).replaceAll('absent', 'secret'));
  });
});

test('lists, vocabulary and sync of a project hold nothing of another', async () => {
  for (const path of [
    '/workflow-runs',
    '/workflow-runs?label_selector=hidden%3Dx',
    '/workflow-runs?label_selector=!other',
    '/workflows',
    '/labels',
    '/workflow-runs?workflow_title=secret',
  ]) {
    expect((await stranger.get(path)).body).toEqual({ items: [] });
  }
  expect((await stranger.post('/workflow-runs/sync', {})).body).toEqual({ checked: 0, changed: 0, failed: [] });
});

test('titles and versions of two projects do not meet', async () => {
  expect(await createWorkflow(stranger, 'secret')).toMatchObject({ version: 1 });
  expect((await owner.get('/workflows/secret')).body.items.length).toBe(1);
});

test('the project comes from header or parameter, and not from both', async () => {
  expect((await memory.api.get(`/workflow-runs/${runId}?project=owner`)).status).toBe(200);
  expect((await owner.get(`/workflow-runs/${runId}?project=stranger`)).status).toBe(422);
  const twice = await memory.api.get('/workflow-runs?project=owner&project=owner');
  expect([twice.status, twice.body['errors']]).toEqual([422, [expect.objectContaining({ parameter: 'project' })]]);
  expect((await memory.api.get('/workflow-runs', { project: 'Not A Name' })).status).toBe(422);
  expect((await memory.api.get('/workflow-runs', { project: '*' })).status).toBe(422);
});

describe('pages of a project that the query names are followed by their links alone', () => {
  beforeAll(async () => {
    await createRun(owner, 'secret');
    memory.engine.logs.set('load/1', { text: 'a line of a log\n'.repeat(100), open: false });
  });

  test.each<{ of: string; path: () => string }>([
    { of: 'runs', path: () => '/workflow-runs?limit=1' },
    { of: 'lifecycle events', path: () => `/workflow-runs/${runId}/lifecycle-events?limit=1` },
    { of: 'task runs', path: () => `/workflow-runs/${runId}/task-runs?limit=1` },
    { of: 'a log', path: () => `/task-runs/${taskRunId}/logs?limit=1024` },
    { of: 'a log under its run', path: () => `/workflow-runs/${runId}/task-runs/${taskRunId}/logs?limit=1024` },
  ])('$of', async ({ path }) => {
    const first = await memory.api.get(`${path()}&project=owner`);
    expect(first.status).toBe(200);
    const second = await memory.api.get(nextOf(first) ?? '/there-is-no-link');
    expect(second.status).toBe(200);
    expect(second.text).not.toBe('');
    expect(second.text).not.toBe(first.text);
  });

  test('a project that only the header names is in no link', async () => {
    expect(nextOf(await owner.get('/workflow-runs?limit=1'))).toMatch(/^\/workflow-runs\?(?!.*project)/);
    expect(nextOf(await owner.get('/workflow-runs?limit=1&project=owner'))).toMatch(/[?&]project=owner(&|$)/);
  });
});

function nextOf(answer: ApiAnswer): string | undefined {
  return /^<\/v1([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
}
