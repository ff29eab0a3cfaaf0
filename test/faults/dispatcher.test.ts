/** C, F, G: workers that die, stand still or break at the worst moment. The doomed one is a real process. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ROLES } from '../../src/roles.js';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

/** What the other one is allowed from the death to the call: the lease, and a second. */
const TAKE_OVER_MS = 1_200 + 1_000;

let stage: Stage;
let atOnce: number;
let held: number;
let failingOnce: number;

beforeEach(async () => {
  // Only the API in this process: who works is decided by each test.
  // A lost submit is given up at the look after one second of absence.
  stage = await Stage.start({ roles: ROLES.api, env: { SUBMIT_GRACE: '1s' } });
  atOnce = await stage.workflow('at-once', { id: 'only' });
  held = await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
  failingOnce = await stage.workflow('failing-once', { id: 'only', failing_attempts: 1 });
});
afterEach(() => stage.close());

const DEATHS = [
  { row: 'F18', point: 'submit.before-call', when: 'before the engine call', executed: 0 },
  { row: 'F19', point: 'submit.after-call', when: 'after the engine call, before recording', executed: 1 },
];

for (const { row, point, when, executed } of DEATHS) {
  test(`${row}: a worker killed ${when} is replaced, and the engine executes once`, async () => {
    const id = await stage.runs.startVersion(atOnce);
    const doomed = stage.spawn('worker', { KILL_AT: point });
    expect(await doomed.exited).toBe('SIGKILL');
    const died = Date.now();
    const { token, execution } = await stage.runs.record(id);
    expect(execution.outcome).toBe('in_flight');
    expect(stage.executions(token)).toBe(executed);
    await stage.join(ROLES.worker);
    const run = await stage.runs.ended(id);
    expect(run.state).toBe('COMPLETED');
    const taken = stage.engine.controls.journal({ key: run.execution.key }).find((entry) => entry.at > died);
    expect((taken?.at ?? Infinity) - died).toBeLessThan(TAKE_OVER_MS);
    await stage.check({ created: [id] });
  });
}

test('F27: a submit that a new worker lost before it could read the sentinel is repeated, not given up', async () => {
  const { controls } = stage.engine;
  const first = await stage.join(ROLES.worker);
  await stage.runs.ended(await stage.runs.startVersion(atOnce));
  await first.app.close();
  controls.addRule({ verb: 'submit', effect: { do: 'drop' }, times: 1 });
  const unreadable = controls.addRule({ verb: 'read-object', effect: { do: 'answer', status: 500 } });
  const id = await stage.runs.startVersion(atOnce);
  await stage.join(ROLES.worker);
  await until(
    () => stage.runs.record(id),
    (run) => run.execution.absentSince !== null,
  );
  controls.removeRules(unreadable);
  expect(await stage.runs.ended(id)).toMatchObject({ state: 'COMPLETED' });
  await stage.check({ created: [id], unanswered: true });
});

test('F38: a submit whose answer was lost together with the memory of the engine is not repeated', async () => {
  const { controls } = stage.engine;
  // No pass looks at the engine: the epoch that this process knows stays that of the memory which took the submit.
  await stage.join({ api: false, worker: true, reconcile: false });
  await stage.runs.ended(await stage.runs.startVersion(atOnce));
  controls.addRule({ verb: 'submit', effect: { do: 'lose-answer' }, times: 1 });
  const unread = controls.addRule({ verb: 'get', effect: { do: 'drop' } });
  const id = await stage.runs.startVersion(held);
  const { execution } = await until(
    () => stage.runs.record(id),
    (run) => run.execution.outcome === 'unknown',
  );
  controls.wipe();
  controls.removeRules(unread);
  const submits = (): unknown[] => controls.journal({ verb: 'submit', key: execution.key });
  await until(
    () => stage.runs.record(id),
    (run) => run.execution.lookups > 1 || submits().length > 1,
  );
  expect(submits()).toHaveLength(1);
  expect(await stage.runs.record(id)).toMatchObject({ state: 'PENDING', execution: { outcome: 'unknown' } });
}, 60_000);

test('F29: a submit that arrives after the first look, while nobody works, is found and not given up', async () => {
  stage.engine.controls.addRule({ verb: 'submit', effect: { do: 'hold' }, times: 1 });
  const patient = await stage.process('worker', { SUBMIT_GRACE: '60s' });
  const id = await stage.runs.startVersion(held);
  await until(
    () => stage.runs.record(id),
    (run) => run.execution.outcome === 'in_flight',
  );
  await stage.runs.request(id, 'CANCEL');
  await until(
    () => stage.runs.record(id),
    (run) => run.execution.absentSince !== null,
  );
  await patient.kill();
  stage.engine.controls.removeRules();
  // By now the only look at it is older than the grace of the next worker.
  await until(
    () => stage.runs.record(id),
    ({ readAt, execution }) => readAt.getTime() - (execution.absentSince?.getTime() ?? Infinity) > 1_500,
  );
  await stage.join(ROLES.worker);
  expect(await stage.runs.ended(id)).toMatchObject({ state: 'CANCELLED', verdict: null });
  await stage.check({ created: [id] });
});

test('F56: a worker killed around the retry of an execution leaves one retry on the engine', async () => {
  const first = await stage.join(ROLES.worker);
  const deaths = form(['retry.after-call'], ['retry.before-call', 'retry.after-call']);
  const ids = await Promise.all(deaths.map(() => stage.runs.startVersion(failingOnce)));
  for (const id of ids) await stage.runs.ended(id);
  await first.app.close();
  for (const [index, point] of deaths.entries()) {
    await stage.runs.request(ids[index] ?? 0, 'RETRY');
    expect(await stage.spawn('worker', { KILL_AT: point }).exited).toBe('SIGKILL');
  }
  await stage.join(ROLES.worker);
  for (const id of ids) {
    const run = await stage.runs.ended(id);
    expect(run).toMatchObject({ state: 'COMPLETED', generation: 2 });
    expect(retries(run)).toBe(1);
  }
  await stage.check({ created: ids });
});

test('F50: a run cancelled while its submit died in every place is cancelled, and never executed on', async () => {
  const ids: number[] = [];
  for (const point of ['submit.before-call', 'submit.after-call']) {
    ids.push(await stage.runs.startVersion(held));
    expect(await stage.spawn('worker', { KILL_AT: point }).exited).toBe('SIGKILL');
    await stage.runs.request(ids.at(-1) ?? 0, 'CANCEL');
  }
  for (const point of form([], ['cancel.before-call', 'cancel.after-call'])) {
    expect(await stage.spawn('worker', { KILL_AT: point }).exited).toBe('SIGKILL');
  }
  await stage.join(ROLES.worker);
  const [neverSent, sent] = await Promise.all(ids.map((id) => stage.runs.ended(id)));
  expect([neverSent?.state, sent?.state]).toEqual(['CANCELLED', 'CANCELLED']);
  expect(stage.executions(neverSent?.token ?? '')).toBe(0);
  expect(stage.executions(sent?.token ?? '')).toBe(1);
  await stage.check({ created: ids });
});

test('F20: a worker that stands still past its lease, before its call and in it, changes nothing when it goes on', async () => {
  const ids = [await stage.runs.startVersion(atOnce)];
  const before = stage.spawn('worker', { STOP_AT: 'submit.before-call' });
  await until(
    () => stage.runs.record(ids[0] ?? 0),
    (run) => run.execution.outcome === 'in_flight',
  );
  ids.push(await stage.runs.startVersion(atOnce));
  const after = stage.spawn('worker', { STOP_AT: 'submit.after-call' });
  // Of the first run too, where its lease ended before this worker looked.
  await until(
    async () => Object.keys(stage.engine.controls.created()).length,
    (count) => count > 0,
  );
  const other = await stage.join(ROLES.worker);
  const ended = await Promise.all(ids.map((id) => stage.runs.ended(id)));
  for (const late of [before, after]) late.child.kill('SIGCONT');
  // The late submit arrives and is refused by its key.
  await until(
    async () => stage.engine.controls.journal({ verb: 'submit' }).filter((entry) => entry.did === 'exists').length,
    (count) => count > 0,
  );
  expect(await before.stop()).toBe(0);
  expect(await after.stop()).toBe(0);
  for (const [index, run] of ended.entries()) {
    expect(run.state).toBe('COMPLETED');
    const late = await stage.runs.record(ids[index] ?? 0);
    expect(late).toMatchObject({ state: 'COMPLETED', eventSeq: run.eventSeq });
  }
  await stage.check({ created: ids });
  await other.app.close();
});

test('F25: a promise nobody handles ends the process with an exit code, and its run is taken over', async () => {
  const id = await stage.runs.startVersion(atOnce);
  const broken = stage.spawn('worker', { REJECT_AT: 'submit.before-call', LOG_LEVEL: 'fatal' });
  expect(await broken.exited).toBe(1);
  expect(broken.errors()).toContain('unhandled error');
  await stage.join(ROLES.worker);
  expect((await stage.runs.ended(id)).state).toBe('COMPLETED');
  await stage.check({ created: [id] });
});

test('F58: workers whose clocks are an hour wrong take no lease early and lose no fact', async () => {
  const ids: number[] = [];
  for (let run = 0; run < 8; run++) ids.push(await stage.runs.startVersion(atOnce));
  // Slow enough that a lease that is believed to be over would be taken.
  stage.engine.controls.addRule({ verb: 'submit', effect: { do: 'delay', ms: 300 } });
  const workers = ['3600000', '-3600000'].map((shift) =>
    stage.spawn('worker', { CLOCK_SHIFT: shift, ENGINE_SLOTS: '4' }),
  );
  for (const id of ids) expect((await stage.runs.ended(id)).state).toBe('COMPLETED');
  expect(await Promise.all(workers.map((worker) => worker.stop()))).toEqual([0, 0]);
  expect(stage.engine.controls.journal({ verb: 'submit' }).map((entry) => entry.did)).toEqual(ids.map(() => 'created'));
  await stage.check({ created: ids });
});

function retries(run: RunRecord): number {
  return stage.engine.controls
    .journal({ verb: 'retry', key: run.execution.key })
    .filter((entry) => entry.did.startsWith('cleared')).length;
}
