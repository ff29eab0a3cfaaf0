import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { until } from '../../test/support/until.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { toTaskGraph } from '../../definition/task-graph.js';
import { LifecycleRequests } from '../lifecycle/lifecycle-requests.js';
import type { LifecycleRequestType } from '../lifecycle/lifecycle-event.js';
import { isFinal } from '../lifecycle/run-state.js';
import { readRunRecord } from '../lifecycle/run-store.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { createRun } from '../workflow-runs/create-run.js';
import { storeWorkflow } from '../workflows/store-workflow.js';
import { WakeUps } from './wake-ups.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function start(text: string): Promise<number> {
  const parsed = parseDefinition(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const workflow = await storeWorkflow(app.database, {
    project: 'default',
    title: parsed.definition.name,
    engine: 'local',
    format: 'signalbox/v1',
    definition: text,
    workflowParameters: [],
    parameterSchemas: {},
    labels: [],
    diagnostics: [],
    graph: toTaskGraph(parsed.definition),
  });
  const run = { project: 'default', workflowId: workflow.id, parameters: {}, labels: [], staleAfterMs: 45_000 };
  const row = (await createRun(app.database, run)) as unknown as { id: number; json?: string } | undefined;
  if (!row) throw new Error('not stored');
  app.app.nest.get(WakeUps).wake('local');
  const { rows } = await app.database.query<{ id: number }>({ text: 'SELECT max(id) AS id FROM workflow_runs' });
  return rows[0]?.id ?? 0;
}

async function record(id: number): Promise<RunRecord> {
  const found = await readRunRecord(app.database, id);
  if (!found) throw new Error(`no run ${id}`);
  return found;
}

const ended = (id: number): Promise<RunRecord> =>
  until(
    () => record(id),
    (run) => isFinal(run.state),
  );

function request(runId: number, type: LifecycleRequestType): Promise<unknown> {
  const asked = app.app.nest.get(LifecycleRequests).request({ project: 'default', runId, type });
  return asked.then(() => app.app.nest.get(WakeUps).wake('local'));
}

async function history(id: number): Promise<string[]> {
  const { rows } = await app.database.query<{ line: string; seq: number }>({
    text: `SELECT seq, type || ' ' || coalesce(from_state, '-') || ' ' || to_state AS line FROM lifecycle_events
           WHERE workflow_run_id = $1 ORDER BY seq`,
    values: [id],
  });
  expect(rows.map((row) => row.seq)).toEqual(rows.map((_, index) => index + 1));
  return rows.map((row) => row.line);
}

test('a run reaches its engine, is executed by real processes and ends with its task runs', async () => {
  const id = await start(`
apiVersion: signalbox/v1
kind: Workflow
name: pair
tasks:
  first: { run: 'echo 41 > "$SIGNALBOX_DIR/outputs/n"', outputs: { n: { type: integer } } }
  second: { needs: [first], run: 'test "$N" = 41', env: { N: "\${{ tasks.first.outputs.n }}" } }
`);
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'COMPLETED', failure: null, nextActionAt: null, leaseToken: null });
  expect(run.execution).toMatchObject({ outcome: 'known', verb: 'submit' });
  const { rows } = await app.database.query<{ line: string }>({
    text: `SELECT t.title || ' ' || r.state || ' ' || r.attempt || ' ' || (SELECT count(*) FROM task_attempts a WHERE a.task_run_id = r.id) AS line
           FROM task_runs r JOIN tasks t ON t.id = r.task_id WHERE r.workflow_run_id = $1 ORDER BY t.position`,
    values: [id],
  });
  expect(rows.map((row) => row.line)).toEqual(['first COMPLETED 1 1', 'second COMPLETED 1 1']);
  const lines = await history(id);
  expect(lines[0]).toBe('CREATED - PENDING');
  expect(lines.at(-1)).toMatch(/^STATE .* COMPLETED$/);
});

test('a failed run says why, and a retry continues it in place', async () => {
  const id = await start(`
apiVersion: signalbox/v1
kind: Workflow
name: second-time
tasks:
  good: { run: 'true' }
  bad: { needs: [good], run: 'test "$SIGNALBOX_ATTEMPT" -ge 2' }
`);
  const failed = await ended(id);
  expect(failed).toMatchObject({ state: 'FAILED', failure: { class: 'user', task_title: 'bad' } });
  await request(id, 'RETRY');
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'COMPLETED', generation: 2, failure: null });
  expect(run.execution).toMatchObject({ verb: 'retry', key: failed.execution.key });
  expect(await history(id)).toContain('RETRY FAILED RETRYING');
});

test('a cancel stops the processes and ends CANCELLED', async () => {
  const id = await start(`
apiVersion: signalbox/v1
kind: Workflow
name: long
tasks:
  sleep: { run: 'sleep 600' }
  after: { needs: [sleep], run: 'true' }
`);
  await until(
    () => record(id),
    (run) => run.state === 'RUNNING',
  );
  await request(id, 'CANCEL');
  const run = await ended(id);
  expect(run).toMatchObject({ state: 'CANCELLED', failure: null });
  expect((await history(id)).slice(-2)).toEqual(['CANCEL RUNNING CANCELLING', 'STATE CANCELLING CANCELLED']);
});

test('a paused run starts nothing new until it is resumed', async () => {
  const id = await start(`
apiVersion: signalbox/v1
kind: Workflow
name: held
tasks:
  first: { run: 'sleep 0.5' }
  second: { needs: [first], run: 'true' }
`);
  await until(
    () => record(id),
    (run) => run.state === 'RUNNING',
  );
  await request(id, 'PAUSE');
  await until(
    () => record(id),
    (run) => run.state === 'PAUSED',
  );
  await request(id, 'RESUME');
  expect((await ended(id)).state).toBe('COMPLETED');
});
