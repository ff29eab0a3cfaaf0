/** Every state times every lifecycle request, asked over HTTP, as a table. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LIFECYCLE_REQUESTS } from '../../src/lifecycle/lifecycle-event.js';
import { RUN_STATES, type RunState } from '../../src/lifecycle/run-state.js';
import { ROLES } from '../../src/roles.js';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { LIFECYCLE_TABLE } from '../support/lifecycle-table.js';

let app: TestApp;
let api: Api;

// Nothing drives runs here: each stays in the state it is put in.
beforeAll(async () => {
  app = await startTestApp({ roles: ROLES.api });
  api = new Api(app.url);
  const definition = 'apiVersion: signalbox/v1\nkind: Workflow\nname: still\ntasks: { only: { run: "true" } }\n';
  const body = { workflow_engine: 'local', definition_format: 'signalbox/v1', definition };
  expect((await api.post('/workflows', body)).status).toBe(201);
});
afterAll(() => app.close());

const OBSERVED: Partial<Record<RunState, string>> = {
  SCHEDULED: 'scheduled',
  RUNNING: 'running',
  PAUSED: 'paused',
  CANCELLING: 'running',
  COMPLETED: 'succeeded',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
};

/** A run whose wish, execution and facts are those of the state. */
async function runIn(state: RunState): Promise<number> {
  const { body } = await api.post('/workflow-runs', { workflow: { title: 'still' } });
  const phase = OBSERVED[state];
  const final = state === 'COMPLETED' || state === 'FAILED' || state === 'CANCELLED';
  const observed = { phase, stateReason: null, failure: null, stopEvidence: false, baseline: '1', liveTasks: 0 };
  await app.database.query({
    text: `UPDATE workflow_runs SET state = $2, desired = $3, generation = $4, observed = $5,
             finished_at = CASE WHEN $6 THEN now() END, failure = CASE WHEN $2 = 'FAILED' THEN '{}'::jsonb END
           WHERE id = $1`,
    values: [
      body.id,
      state,
      state === 'PAUSED' ? 'paused' : state === 'CANCELLING' || state === 'CANCELLED' ? 'cancelled' : 'run',
      state === 'RETRYING' ? 2 : 1,
      phase === undefined ? null : JSON.stringify(observed),
      final,
    ],
  });
  await app.database.query({
    text: `UPDATE workflow_executions SET generation = $2, outcome = $3, verb = $4 WHERE workflow_run_id = $1`,
    values: [
      body.id,
      state === 'RETRYING' ? 2 : 1,
      state === 'PENDING' ? 'none' : 'known',
      state === 'RETRYING' ? 'retry' : 'submit',
    ],
  });
  return body.id;
}

test('every state answers every request as the table says, and allowed_actions said so before', async () => {
  const lines = [`${'state'.padEnd(12)}${LIFECYCLE_REQUESTS.map((type) => type.padStart(8)).join('')}`];
  const answered: Record<string, Record<string, number>> = {};
  for (const state of RUN_STATES) {
    let line = state.padEnd(12);
    for (const type of LIFECYCLE_REQUESTS) {
      const id = await runIn(state);
      const before = (await api.get(`/workflow-runs/${id}?refresh=false`)).body;
      const { status, body } = await api.post(`/workflow-runs/${id}/lifecycle-events`, { type });
      (answered[type] ??= {})[state] = status;
      line += String(status).padStart(8);
      const promised = before['allowed_actions']?.find((action) => (action['action'] as unknown) === type);
      expect([state, type, promised?.['available']]).toEqual([state, type, status === 202]);
      if (status === 409)
        expect(body).toMatchObject({ code: 'lifecycle-conflict', allowed_actions: expect.any(Array) });
    }
    lines.push(line);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(answered).toEqual(LIFECYCLE_TABLE);
});
