/** G: sockets stay bounded, whatever the engine does with them. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ROLES } from '../../src/roles.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

/** Of the adapter's client, and one for the stream of hints. */
const SOCKETS = 16 + 1;

let stage: Stage;

beforeEach(async () => {
  // So many slots that nothing but the client itself bounds its sockets.
  stage = await Stage.start({ roles: ROLES.api, env: { ENGINE_SLOTS: '64', ENGINE_TIMEOUT: '10s', LEASE: '15s' } });
});
afterEach(() => stage.close());

test('F62: an engine that keeps no connection alive, or answers none of them, costs no more sockets than the client may have', async () => {
  const { controls, connections } = stage.engine;
  const atOnce = await stage.workflow('at-once', { id: 'only' });
  controls.addRule({ effect: { do: 'close' } });
  controls.addRule({ verb: 'submit', effect: { do: 'delay', ms: form(1_500, 300) } });
  const worker = await stage.join({ api: false, worker: true, reconcile: true });
  const ids = await startRuns(atOnce, form(60, 10_000));
  await ended(ids);
  controls.removeRules();
  // Each call had a connection of its own.
  const calls = Object.values(controls.calls()).reduce((sum, count) => sum + count, 0);
  expect(calls).toBeGreaterThan(ids.length);
  expect(connections.most).toBeLessThanOrEqual(2 * SOCKETS);

  controls.addRule({ effect: { do: 'hold' } });
  const held = await startRuns(atOnce, form(20, 1_000));
  for (let round = 0; round < 2; round++) {
    await Promise.all(held.slice(0, 50).map((id) => stage.api.get(`/workflow-runs/${id}`)));
  }
  expect(connections.most).toBeLessThanOrEqual(2 * SOCKETS);
  controls.removeRules();
  await ended(held);
  await worker.app.close();
  await until(
    async () => connections.open,
    (open) => open <= SOCKETS,
  );
}, 1_200_000);

async function startRuns(workflow: number, count: number): Promise<number[]> {
  const ids: number[] = [];
  for (let from = 0; from < count; from += 10) {
    const some = Array.from({ length: Math.min(10, count - from) }, () => stage.runs.startVersion(workflow));
    ids.push(...(await Promise.all(some)));
  }
  return ids;
}

function ended(ids: number[]): Promise<void> {
  return inState(ids, 'COMPLETED');
}

async function inState(ids: number[], state: string): Promise<void> {
  await until(
    async () => {
      const { rows } = await stage.app.database.query<{ count: number }>({
        text: 'SELECT count(*) AS count FROM workflow_runs WHERE id = ANY($1) AND state = $2',
        values: [ids, state],
      });
      return rows[0]?.count;
    },
    (count) => count === ids.length,
    form(100_000, 1_000_000),
  );
}
