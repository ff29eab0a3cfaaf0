import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { CoreRuns } from '../../test/support/core-runs.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { toTaskGraph } from '../../definition/task-graph.js';

let app: TestApp;
let runs: CoreRuns;
beforeAll(async () => {
  app = await startTestApp();
  runs = new CoreRuns(app, 'local');
});
afterAll(() => app.close());

async function start(text: string): Promise<number> {
  const parsed = parseDefinition(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return runs.start(parsed.definition.name, text, toTaskGraph(parsed.definition));
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
  const run = await runs.ended(id);
  expect(run).toMatchObject({ state: 'COMPLETED', failure: null, nextActionAt: null, leaseToken: null });
  expect(run.execution).toMatchObject({ outcome: 'known', verb: 'submit' });
  const { rows } = await app.database.query<{ line: string }>({
    text: `SELECT t.title || ' ' || r.state || ' ' || r.attempt || ' ' || (SELECT count(*) FROM task_attempts a WHERE a.task_run_id = r.id) AS line
           FROM task_runs r JOIN tasks t ON t.id = r.task_id WHERE r.workflow_run_id = $1 ORDER BY t.position`,
    values: [id],
  });
  expect(rows.map((row) => row.line)).toEqual(['first COMPLETED 1 1', 'second COMPLETED 1 1']);
  const lines = await runs.history(id);
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
  const failed = await runs.ended(id);
  expect(failed).toMatchObject({ state: 'FAILED', failure: { class: 'user', task_title: 'bad' } });
  await runs.request(id, 'RETRY');
  const run = await runs.ended(id);
  expect(run).toMatchObject({ state: 'COMPLETED', generation: 2, failure: null });
  expect(run.execution).toMatchObject({ verb: 'retry', key: failed.execution.key });
  expect(await runs.history(id)).toContain('RETRY FAILED RETRYING');
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
  await runs.reaches(id, 'RUNNING');
  await runs.request(id, 'CANCEL');
  const run = await runs.ended(id);
  expect(run).toMatchObject({ state: 'CANCELLED', failure: null });
  expect((await runs.history(id)).slice(-2)).toEqual(['CANCEL RUNNING CANCELLING', 'STATE CANCELLING CANCELLED']);
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
  await runs.reaches(id, 'RUNNING');
  await runs.request(id, 'PAUSE');
  await runs.reaches(id, 'PAUSED');
  await runs.request(id, 'RESUME');
  expect((await runs.ended(id)).state).toBe('COMPLETED');
});
