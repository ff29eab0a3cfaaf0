/** C, D, G: backlogs, engines that answer strangely, or only some of us. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { BROKEN_SHAPES } from '../../adapters/conformance/broken-shapes.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

let stage: Stage;
let atOnce: number;
/** Somebody else's host, to which nothing of ours may go. */
let canary: Server;
let canaryConnections = 0;

beforeAll(async () => {
  stage = await Stage.start();
  atOnce = await stage.workflow('at-once', { id: 'only' });
  canary = createServer((socket) => {
    canaryConnections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', () => resolve()));
});
afterEach(() => stage.engine.controls.removeRules());
afterAll(async () => {
  await stage.close();
  await new Promise<void>((resolve) => canary.close(() => resolve()));
});

test('F23: one run of a project does not wait for the backlog of another', async () => {
  stage.engine.controls.addRule({ verb: 'submit', effect: { do: 'delay-answer', ms: 30 } });
  const small = stage.api.as({ project: 'small' });
  const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
  await small.post('/workflows', { title: 'one', workflow_engine: 'se', definition_format: 'native', definition });
  await stage.app.database.query({ text: BACKLOG, values: [atOnce, form(1_500, 100_000)] });
  const before = stage.engine.controls.calls().submit ?? 0;
  stage.runs.wake();
  await until(
    async () => stage.engine.controls.calls().submit ?? 0,
    (calls) => calls > before + 20,
  );
  const { body } = await small.post('/workflow-runs', { workflow: { title: 'one' } });
  const answered = Date.now();
  const { token } = await stage.runs.record(body.id);
  await until(
    async () => stage.executions(token),
    (count) => count === 1,
  );
  expect(Date.now() - answered).toBeLessThan(1_000);
  // The rest of the backlog has shown what it was for: what nobody ever claimed, by the row itself. Where a row changes meanwhile
  // the statement looks at that row again, and not at its execution.
  await stage.app.database.query({
    text: `DELETE FROM workflow_runs r USING workflow_executions e
           WHERE e.workflow_run_id = r.id AND r.project = 'large' AND e.outcome = 'none' AND r.version = 0`,
  });
  stage.engine.controls.removeRules();
  await until(openRuns, (count) => count === 0, 60_000);
}, 120_000);

test('F32: twelve shapes of broken answer to a submit end in one execution each, found by key', async () => {
  await stage.engine.controls.down();
  const runs = new Map<string, number>();
  for (const shape of BROKEN_SHAPES) {
    const id = await stage.runs.startVersion(atOnce);
    runs.set(shape, id);
    const { key } = (await stage.runs.record(id)).execution;
    stage.engine.controls.addRule({ verb: 'submit', key, effect: { do: 'garble', shape }, times: 1 });
  }
  await stage.engine.controls.up();
  for (const [shape, id] of runs) {
    const run = await stage.runs.ended(id);
    expect([shape, run.state, stage.executions(run.token)]).toEqual([shape, 'COMPLETED', 1]);
  }
}, 60_000);

test('F35: a redirect to another host is not followed, and ends no run', async () => {
  const { port } = canary.address() as AddressInfo;
  const headers = { location: `http://127.0.0.1:${port}/executions` };
  for (const status of [302, 307]) {
    const rule = stage.engine.controls.addRule({ verb: 'submit', effect: { do: 'answer', status, headers }, times: 1 });
    const run = await stage.runs.ended(await stage.runs.startVersion(atOnce));
    expect([run.state, stage.executions(run.token)]).toEqual(['COMPLETED', 1]);
    stage.engine.controls.removeRules(rule);
  }
  expect(canaryConnections).toBe(0);
}, 30_000);

test('the invariants hold after all of it', async () => {
  await until(openRuns, (count) => count === 0);
  await stage.check({ created: [], unanswered: true });
});

async function openRuns(): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({
    text: 'SELECT count(*) AS count FROM workflow_runs WHERE finished_at IS NULL',
  });
  return rows[0]?.count ?? 0;
}

const BACKLOG = `
WITH run AS (
  INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq, next_action_at)
  SELECT 'large', $1, 'se', translate(md5('backlog' || n), '0189', 'wxyz') || 'aaaaaa', 'PENDING', 1, now()
  FROM generate_series(1, $2::integer) AS n RETURNING id, token
), event AS (
  INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source)
  SELECT id, 1, 'CREATED', 'PENDING', 1, 'client' FROM run
)
INSERT INTO workflow_executions (workflow_run_id, generation, key, verb)
SELECT id, 1, 'sb-' || token || '-g1', 'submit' FROM run`;
