/** E, F: cancels and retries that meet completions, late answers and engines that do less than they say. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { ROLES } from '../../src/roles.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

let stage: Stage;
let atOnce: number;
let held: number;
let failingOnce: number;

beforeAll(async () => {
  // Passes are made by the tests that want one.
  stage = await Stage.start({ env: { RECONCILE_INTERVAL: '1h' } });
  atOnce = await stage.workflow('at-once', { id: 'only' });
  held = await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
  failingOnce = await stage.workflow('failing-once', { id: 'only', failing_attempts: 1 });
});
afterEach(() => {
  stage.engine.controls.removeRules();
  stage.engine.controls.conduct({ stayQueued: false, ignoreGracefulStop: false, stopDelayMs: 0 });
});
afterAll(() => stage.close());

test('F43: an answer about the time before a cancel does not take the cancel back', async () => {
  const id = await stage.runs.startVersion(held);
  const { execution } = await stage.runs.reaches(id, 'RUNNING');
  const rule = stage.engine.controls.addRule({
    verb: 'list',
    effect: { do: 'delay-answer', ms: 600 },
    times: 1,
  });
  const lists = stage.engine.controls.calls().list ?? 0;
  const late = stage.app.app.nest.get(Reconciler).pass();
  await until(
    async () => stage.engine.controls.calls().list ?? 0,
    (calls) => calls > lists,
  );
  stage.engine.controls.conduct({ stopDelayMs: 1_200 });
  await stage.runs.request(id, 'CANCEL');
  await late;
  expect(await stage.runs.record(id)).toMatchObject({ desired: 'cancelled', state: 'CANCELLING' });
  stage.engine.controls.removeRules(rule);
  expect((await stage.runs.ended(id)).state).toBe('CANCELLED');
  expect(stage.engine.controls.journal({ verb: 'cancel', key: execution.key }).length).toBeGreaterThan(0);
});

test('F51: a cancel that meets the completion ends in one final state, and the caller is told which it can be', async () => {
  const rounds = form(40, 1_000);
  const batch = 20;
  const ids: number[] = [];
  for (let done = 0; done < rounds; done += batch) {
    const some = await Promise.all(Array.from({ length: batch }, () => stage.runs.startVersion(held)));
    await Promise.all(
      some.map(async (id, index) => {
        const { execution } = await stage.runs.reaches(id, 'RUNNING');
        const finish = (): void => stage.engine.controls.finish(execution.key);
        if (index % 2 === 0) finish();
        const answer = await stage.api.post(`/workflow-runs/${id}/lifecycle-events`, { type: 'CANCEL' });
        if (index % 2 === 1) finish();
        expect([200, 202, 409]).toContain(answer.status);
        const run = await stage.runs.ended(id);
        if (answer.status === 409) expect(run.state).toBe('COMPLETED');
        expect(['COMPLETED', 'CANCELLED']).toContain(run.state);
      }),
    );
    ids.push(...some);
  }
  const { rows } = await stage.app.database.query<{ ends: number }>({
    text: `SELECT count(*) AS ends FROM lifecycle_events
           WHERE workflow_run_id = ANY($1) AND from_state <> to_state AND to_state IN ('COMPLETED', 'CANCELLED', 'FAILED')
           GROUP BY workflow_run_id HAVING count(*) <> 1`,
    values: [ids],
  });
  expect(rows).toEqual([]);
}, 120_000);

test('F51: a run that fails by itself while its cancel is held back is FAILED, whoever sees it first', async () => {
  const id = await stage.runs.startVersion(held);
  const { execution } = await stage.runs.reaches(id, 'RUNNING');
  stage.engine.controls.addRule({ verb: 'cancel', effect: { do: 'delay', ms: 500 }, times: 1 });
  await stage.runs.request(id, 'CANCEL');
  await until(
    () => stage.runs.record(id),
    (run) => run.execution.cancelSentAt !== null,
  );
  stage.engine.controls.finish(execution.key, { well: false });
  await stage.app.app.nest.get(Reconciler).pass();
  expect((await stage.runs.record(id)).state).toBe('CANCELLING');
  const run = await stage.runs.ended(id);
  expect(run).toMatchObject({ state: 'FAILED', failure: { class: 'user' }, execution: { cancelSentAt: null } });
});

test('a pause after a resume that nobody has sent yet is sent: the run is held', async () => {
  const id = await stage.runs.startVersion(held);
  const { execution } = await stage.runs.reaches(id, 'RUNNING');
  // The worker comes to it once all three are asked for.
  await stage.app.database.query({
    text: `UPDATE workflow_runs SET lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour', version = version + 1
           WHERE id = $1`,
    values: [id],
  });
  for (const type of ['PAUSE', 'RESUME', 'PAUSE'] as const) expect(await stage.runs.request(id, type)).toBe('accepted');
  await stage.app.database.query({
    text: 'UPDATE workflow_runs SET lease_token = NULL, lease_until = NULL, version = version + 1 WHERE id = $1',
    values: [id],
  });
  stage.runs.wake();
  await stage.runs.reaches(id, 'PAUSED');
  expect(stage.engine.controls.journal({ verb: 'pause', key: execution.key }).length).toBe(1);
  await stage.runs.request(id, 'CANCEL');
  await stage.runs.ended(id);
});

test('F53: an engine that acknowledges a cancel and goes on is said to be overdue, and forced', async () => {
  stage.engine.controls.conduct({ ignoreGracefulStop: true });
  const id = await stage.runs.startVersion(held);
  const { execution } = await stage.runs.reaches(id, 'RUNNING');
  await stage.runs.request(id, 'CANCEL');
  await until(
    async () => stage.engine.controls.journal({ verb: 'cancel', key: execution.key }).map((entry) => entry.did),
    (did) => did.includes('stop force'),
  );
  expect((await stage.runs.ended(id)).state).toBe('CANCELLED');
  const stops = stage.engine.controls.journal({ verb: 'cancel', key: execution.key });
  expect(stops.map((entry) => entry.did)[0]).toBe('stop graceful');
});

test('F55: what an engine said of generation 1 and arrives during generation 2 changes nothing', async () => {
  const id = await stage.runs.startVersion(failingOnce);
  expect((await stage.runs.ended(id)).state).toBe('FAILED');
  stage.engine.controls.addRule({ verb: 'list', effect: { do: 'delay-answer', ms: 600 }, times: 1 });
  const lists = stage.engine.controls.calls().list ?? 0;
  const late = stage.app.app.nest.get(Reconciler).pass();
  await until(
    async () => stage.engine.controls.calls().list ?? 0,
    (calls) => calls > lists,
  );
  await stage.runs.request(id, 'RETRY');
  const run = await stage.runs.ended(id);
  expect(run).toMatchObject({ generation: 2, state: 'COMPLETED' });
  await late;
  expect(await stage.runs.record(id)).toMatchObject({ generation: 2, state: 'COMPLETED', eventSeq: run.eventSeq });
});

test('F57: a retry for which the engine had nothing to do ends FAILED with that reason', async () => {
  const workflow = await stage.workflowOf('said-to-fail', {
    tasks: [{ id: 'only' }],
    words: [{ after_ms: 0, word: 'failed' }],
  });
  const id = await stage.runs.startVersion(workflow);
  expect((await stage.runs.ended(id)).state).toBe('FAILED');
  await stage.runs.request(id, 'RETRY');
  const run = await until(
    () => stage.runs.record(id),
    (record) => record.generation === 2 && record.state === 'FAILED',
  );
  expect(run.failure?.code).toBe('nothing-to-retry');
});

test('F44: many reads of one run, at two APIs, ask its engine once per REFRESH_MAX_AGE', async () => {
  const other = await stage.join(ROLES.api);
  const id = await stage.runs.startVersion(held);
  await stage.runs.reaches(id, 'RUNNING');
  const calls = (): number => {
    const { list = 0, get = 0 } = stage.engine.controls.calls();
    return list + get;
  };
  const before = calls();
  const began = performance.now();
  const reads = Array.from({ length: form(200, 1_000) }, (_, index) =>
    fetch(`${index % 2 === 0 ? stage.app.url : other.url}/v1/workflow-runs/${id}`).then((answer) => answer.status),
  );
  expect(new Set(await Promise.all(reads))).toEqual(new Set([200]));
  // One whole look may follow a batch call: two per age, and the age that was running.
  const ages = Math.ceil((performance.now() - began) / 100) + 1;
  expect(calls() - before).toBeLessThanOrEqual(2 * ages);
  const submit = stage.engine.controls.calls().submit ?? 0;
  await stage.runs.ended(await stage.runs.startVersion(atOnce));
  expect(stage.engine.controls.calls().submit).toBe(submit + 1);
  stage.engine.controls.finish((await stage.runs.record(id)).execution.key);
  await stage.runs.ended(id);
});

test('F73: a reader of the events of a run that sixteen change at once never sees a gap', async () => {
  const id = await stage.runs.startVersion(held);
  await stage.runs.reaches(id, 'RUNNING');
  let over = false;
  let seen = 0;
  const reading = (async () => {
    while (!over) {
      const { body } = await stage.api.get(`/workflow-runs/${id}/lifecycle-events?limit=200`);
      const seqs = body.items.map((item) => Number(item.seq)).sort((a, b) => a - b);
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      expect(seqs.length).toBeGreaterThanOrEqual(seen);
      seen = seqs.length;
    }
  })();
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let round = 0; round < 4; round++) {
      const type = (writer + round) % 2 === 0 ? 'PAUSE' : 'RESUME';
      const { status } = await stage.api.post(`/workflow-runs/${id}/lifecycle-events`, { type });
      expect([200, 202, 409]).toContain(status);
    }
  });
  await Promise.all(writers);
  over = true;
  await reading;
  await stage.runs.request(id, 'CANCEL');
  await stage.runs.ended(id);
  expect((await stage.runs.history(id)).length).toBeGreaterThan(3);
});

test('the invariants hold after all of it', () => stage.check({ created: [], unanswered: true }));
