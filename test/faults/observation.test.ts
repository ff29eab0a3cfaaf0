/** E: what several observers see, in whatever order it arrives. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { Observation, PresentExecution } from '../../adapters/spi/facts.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import type { RunState } from '../../src/lifecycle/run-state.js';
import { readRunRecords, takeTicket } from '../../src/lifecycle/run-store.js';
import { Metrics } from '../../src/platform/metrics.js';
import { applyObservations } from '../../src/reconcile/apply-observations.js';
import { HintFollower } from '../../src/dispatch/hint-follower.js';
import { type PassSummary, Reconciler } from '../../src/reconcile/reconciler.js';
import type { TestApp } from '../support/app.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

/** Keys of which the adapter says something nobody can store. */
const poisoned = new Set<string>();
/** Keys the adapter names by more than an index of the database takes. */
const swollen = new Set<string>();
const TOO_LONG = randomBytes(3_000).toString('base64');
/** Titles at which the adapter's mapper throws. */
const POISON = 'poison';

const kind: EngineKind = {
  kind: 'scripted',
  create: async (options, host) => {
    const sound = await scriptedEngineKind.create(options, host);
    return {
      ...sound,
      submit: (submission, ctx) => {
        if (submission.workflow.title === POISON) throw new TypeError('the mapper does not know this definition');
        return sound.submit(submission, ctx);
      },
      observe: async (ref, ctx) => swell(await sound.observe(ref, ctx)),
      observeMany: async (refs, ctx) =>
        (await sound.observeMany(refs, ctx)).map((seen) =>
          poisoned.has(seen.key) && seen.presence === 'present'
            ? { ...seen, startedAt: new Date(Number.NaN) }
            : swell(seen),
        ),
    };
  },
};

function swell(seen: Observation): Observation {
  return swollen.has(seen.key) && seen.presence === 'present' ? { ...seen, externalId: TOO_LONG } : seen;
}

let stage: Stage;
let atOnce: number;
let held: number;

beforeAll(async () => {
  stage = await Stage.start({ kind, roles: { api: true, worker: true, reconcile: false } });
  atOnce = await stage.workflow('at-once', { id: 'only' });
  held = await stage.workflow('held', { id: 'only', duration_ms: 'hold' });
});
afterEach(() => stage.engine.controls.removeRules());
afterAll(() => stage.close());

test('F22: a run at which the mapper throws says why, and delays nobody', async () => {
  const bad = await stage.runs.startVersion(await stage.workflow(POISON, { id: 'only' }));
  const began = performance.now();
  const others = await Promise.all(Array.from({ length: 10 }, () => stage.runs.startVersion(atOnce)));
  for (const id of others) expect((await stage.runs.ended(id)).state).toBe('COMPLETED');
  expect(performance.now() - began).toBeLessThan(5_000);
  const run = await until(
    () => stage.runs.record(bad),
    (record) => record.stateReason !== null,
  );
  expect(run.lastError?.message).toContain('the mapper does not know this definition');
  await stage.runs.request(bad, 'CANCEL');
  expect((await stage.runs.ended(bad)).state).toBe('CANCELLED');
});

test('F39: a reconciler killed after each page is followed by one that misses no run', async () => {
  // A pass works on four pages of a hundred at once: each death leaves so many done at most, whatever was under way.
  const ids = await startHeld(form(450, 1_300));
  await quietly(ids);
  let finished = 0;
  for (let page = 0; page < form(1, 3); page++) {
    const doomed = stage.spawn('reconcile', { KILL_AT: 'reconcile.page', RECONCILE_INTERVAL: '1h' });
    expect(await doomed.exited).toBe('SIGKILL');
    const before = finished;
    finished = await countCompleted(ids);
    expect(finished).toBeGreaterThan(before);
    expect(finished).toBeLessThan(ids.length);
  }
  await pass();
  expect(await countCompleted(ids)).toBe(ids.length);
  await stage.check({ created: [], unanswered: true });
}, 1_800_000);

test('F40: one run whose facts cannot be stored has its error, the others are brought up to date', async () => {
  const ids = await startHeld(form(60, 1_000));
  const [bad = 0, ...good] = ids;
  poisoned.add((await stage.runs.record(bad)).execution.key);
  await quietly(good);
  await pass();
  expect(await countCompleted(good)).toBe(good.length);
  expect(await stage.runs.record(bad)).toMatchObject({ state: 'RUNNING', readError: { code: expect.any(String) } });
  poisoned.clear();
  await quietly([bad]);
  await pass();
  expect(await countCompleted([bad])).toBe(1);
}, 60_000);

test('F40: one run whose facts are more than the database takes is listed as failed, and the pass goes on', async () => {
  const [bad = 0, good = 0] = await startHeld(2);
  swollen.add((await stage.runs.record(bad)).execution.key);
  await quietly([good]);
  const { engines } = await pass();
  expect(engines.flatMap(({ failed }) => failed)).toMatchObject([
    { workflow_run_id: bad, code: 'observation-not-applied', message: expect.stringContaining('index row') },
  ]);
  expect(await countCompleted([good])).toBe(1);
  expect(await stage.runs.record(bad)).toMatchObject({ state: 'RUNNING', readError: { code: expect.any(String) } });
  swollen.clear();
  await quietly([bad]);
  await pass();
  expect(await countCompleted([bad])).toBe(1);
}, 60_000);

test('F41: two reconcilers that see the same ends make one transition each', async () => {
  const other = await stage.join({ api: false, worker: false, reconcile: false });
  const ids = await startHeld(form(100, 2_000));
  await quietly(ids);
  await Promise.all([stage.app, other].map((one) => pass(one)));
  expect(await countCompleted(ids)).toBe(ids.length);
  const { rows } = await stage.app.database.query<{ ends: number }>({
    text: `SELECT count(*) AS ends FROM lifecycle_events WHERE workflow_run_id = ANY($1) AND to_state = 'COMPLETED'`,
    values: [ids],
  });
  expect(rows[0]?.ends).toBe(ids.length);
  await stage.check({ created: [], unanswered: true });
}, 120_000);

test('F42: of two observers the later asked is believed, in whatever order their answers are stored', async () => {
  const metrics = new Metrics();
  const phases = ['scheduled', 'running', 'paused'] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom(...phases), { minLength: 2, maxLength: 5 }),
      async (s, said) => {
        const id = await stage.runs.startVersion(held);
        const run = await stage.runs.reaches(id, 'RUNNING');
        const asked: { ticket: number; phase: string }[] = [];
        const observers = said.map(async (phase) => {
          await s.schedule(Promise.resolve('asks'));
          const { ticket, at } = await takeTicket(stage.app.database);
          asked.push({ ticket, phase });
          await s.schedule(Promise.resolve('is answered'));
          const [fresh] = await readRunRecords(stage.app.database, [id]);
          if (!fresh) throw new Error('no run');
          await s.schedule(Promise.resolve('stores'));
          const observation = {
            ...facts(run.execution.key, run.execution.externalId ?? ''),
            phase,
            engineState: phase,
          };
          const ctx = {
            ticket,
            at,
            source: 'engine' as const,
            pass: false,
            driving: false,
            epoch: undefined,
            ...GRACES,
          };
          await applyObservations(stage.app.database, metrics, 'se', [{ run: fresh, observation }], ctx);
        });
        await s.waitFor(Promise.all(observers));
        const last = asked.sort((a, b) => a.ticket - b.ticket).at(-1);
        expect((await stage.runs.record(id)).observed?.phase).toBe(last?.phase);
        await stage.runs.history(id);
        stage.engine.controls.finish(run.execution.key);
      },
    ),
    { numRuns: form(12, 300) },
  );
}, 120_000);

test('F42: what was asked before the end was stored, and seen before it, contradicts nothing', async () => {
  const id = await stage.runs.startVersion(held);
  const { key, externalId } = (await stage.runs.reaches(id, 'RUNNING')).execution;
  const running = facts(key, externalId ?? '');
  const apply = async (asked: { ticket: number; at: Date }, observation: PresentExecution): Promise<void> => {
    const [run] = await readRunRecords(stage.app.database, [id]);
    if (!run) throw new Error('no run');
    const ctx = { ...asked, source: 'engine' as const, pass: false, driving: false, epoch: undefined, ...GRACES };
    await applyObservations(stage.app.database, new Metrics(), 'se', [{ run, observation }], ctx);
  };
  // The request of the first is longer on its way: the engine comes to it after the second, and after the end.
  const first = await takeTicket(stage.app.database);
  const second = await takeTicket(stage.app.database);
  const task = { task: 'only', state: 'COMPLETED' as const, attempt: 1 };
  await apply(first, { ...running, phase: 'succeeded', engineState: 'success', liveTasks: 0, taskRuns: [task] });
  await apply(second, running);
  stage.engine.controls.finish(key);
  expect((await stage.runs.ended(id)).state).toBe('COMPLETED');
  const { rows } = await stage.app.database.query({
    text: 'SELECT FROM drift WHERE workflow_run_id = $1',
    values: [id],
  });
  expect(rows).toEqual([]);
});

const GRACES = {
  engineMissingGraceMs: 60_000,
  stuckAfterMs: 60_000,
  taskRefreshIntervalMs: null,
  taskSettleMs: 60_000,
};

function facts(key: string, externalId: string): PresentExecution {
  // With its tasks: nothing more has to be asked.
  return {
    presence: 'present',
    key,
    externalId,
    phase: 'running',
    engineState: 'running',
    stopEvidence: false,
    baseline: '1',
    liveTasks: 1,
    taskRuns: [{ task: 'only', state: 'RUNNING', attempt: 1 }],
  };
}

async function startHeld(count: number): Promise<number[]> {
  const ids: number[] = [];
  for (let from = 0; from < count; from += 20) {
    const some = Array.from({ length: Math.min(20, count - from) }, () => stage.runs.startVersion(held));
    ids.push(...(await Promise.all(some)));
  }
  // Nothing reconciles here but what the tests call: a run whose first look failed is found by a pass.
  await until(
    async () => {
      await pass();
      return countIn(ids, 'RUNNING');
    },
    (count) => count === ids.length,
    120_000,
  );
  return ids;
}

/** Ends executions without the engine's hints being heard: only a pass finds out. */
async function quietly(ids: number[]): Promise<void> {
  const keys = await Promise.all(ids.map(async (id) => (await stage.runs.record(id)).execution.key));
  const hints = stage.app.app.nest.get(HintFollower);
  // Those that were heard before and are not followed yet, too: they would bring the end along.
  await hints.stop();
  await stage.engine.controls.down();
  for (const key of keys) stage.engine.controls.finish(key);
  await stage.engine.controls.up();
  hints.start();
}

/** A whole pass: the first call after an outage may meet a connection that has ended. */
async function pass(app: TestApp = stage.app): Promise<PassSummary> {
  return until(
    () => app.app.nest.get(Reconciler).pass(),
    (summary) => summary.engines.every((engine) => engine.unreachable === undefined),
  );
}

function countCompleted(ids: number[]): Promise<number> {
  return countIn(ids, 'COMPLETED');
}

async function countIn(ids: number[], state: RunState): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({
    text: 'SELECT count(*) AS count FROM workflow_runs WHERE id = ANY($1) AND state = $2',
    values: [ids, state],
  });
  return rows[0]?.count ?? 0;
}
