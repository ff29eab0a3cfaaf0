import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseTraceparent } from '../../src/platform/trace.js';
import { createRun, createWorkflow, startMemoryApp, submitted, type MemoryApp } from '../support/memory-app.js';
import { taskFacts } from '../support/memory-engine.js';
import { until } from '../support/until.js';

let stage: MemoryApp;
beforeAll(async () => {
  stage = await startMemoryApp();
});
afterAll(() => stage.close());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const given = { headers: { traceparent: `00-${TRACE}-${SPAN}-01` } };

/** What the engine was told with the last call of a verb. */
const heard = (verb: string) => parseTraceparent(stage.engine.traceparents.get(verb));

test('what an engine is asked because of a request belongs to its trace, as a span of ours', async () => {
  const { api, engine } = stage;
  const definition = { workflow_engine: 'memory', definition_format: 'native', definition: 'load\nclean\n' };

  expect((await api.post('/workflows/validate', { title: 'traced', ...definition }, given)).status).toBe(200);
  expect(heard('validate')).toMatchObject({ traceId: TRACE, sampled: true });
  expect(heard('validate')?.spanId).not.toBe(SPAN);

  await createWorkflow(api, 'traced');
  const { body: run } = await api.post('/workflow-runs', { workflow: { title: 'traced' } }, given);
  await submitted(api, run.id);
  expect(heard('submit')?.traceId).toBe(TRACE);

  engine.logs.set('load/1', { text: 'hello\n', open: false });
  engine.say(run.id, { phase: 'running', taskRuns: [taskFacts('load', { state: 'RUNNING' })] });
  const { body: taskRuns } = await until(
    () => api.get(`/workflow-runs/${run.id}/task-runs`),
    (answer) => answer.body.items.length > 0,
  );
  const log = await api.get(`/task-runs/${taskRuns.items[0]?.id}/logs`, given);
  expect([log.status, log.text]).toEqual([200, 'hello\n']);
  expect(heard('logs')?.traceId).toBe(TRACE);
});

test('a run started without a trace has one of its own', async () => {
  await createWorkflow(stage.api, 'untraced');
  const run = await createRun(stage.api, 'untraced');
  await submitted(stage.api, run.id);
  expect(heard('submit')?.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  expect(heard('submit')?.traceId).not.toBe(TRACE);
});
