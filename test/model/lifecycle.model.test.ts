/**
 * The lifecycle against any order of requests, drives, deaths, lost answers, late requests, old observations and writers
 * that overlap, on the real store. `SEED=… RUNS=…` repeats or deepens it.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Observation } from '../../adapters/spi/facts.js';
import { claimDueRuns } from '../../src/dispatch/claim-due-runs.js';
import { makeDriveLane } from '../../src/dispatch/drive-lane.js';
import { RunDriver } from '../../src/dispatch/run-driver.js';
import { checkHealth } from '../../src/engines/check-health.js';
import { Engines, type Engine } from '../../src/engines/engines.js';
import { fold } from '../../src/lifecycle/fold.js';
import { LIFECYCLE_REQUESTS, type LifecycleRequestType } from '../../src/lifecycle/lifecycle-event.js';
import type { RunRecord } from '../../src/lifecycle/run-record.js';
import { isAllowedMove, isFinal, RUN_STATES, type RunState } from '../../src/lifecycle/run-state.js';
import { readRunRecords, takeTicket } from '../../src/lifecycle/run-store.js';
import { KillPoints } from '../../src/platform/kill-points.js';
import { Metrics } from '../../src/platform/metrics.js';
import { Problem } from '../../src/platform/problem.js';
import { applyObservations } from '../../src/reconcile/apply-observations.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { FATES, ModelEngine, type Fate } from './model-engine.js';

const RUNS = Number(process.env['RUNS'] ?? 60);
const SEED = Number(process.env['SEED'] ?? 1);
const GRACES = { SUBMIT_GRACE: '60s', CANCEL_GRACE: '60s', RETRY_DRAIN_GRACE: '60s', RECONCILE_INTERVAL: '1h' };

type Command =
  | { do: 'request'; type: LifecycleRequestType }
  | { do: 'drive'; fate: Fate; beside?: LifecycleRequestType }
  | { do: 'tick'; failing: boolean }
  | { do: 'look' }
  | { do: 'apply'; which: number }
  | { do: 'pass' }
  | { do: 'arrive' }
  | { do: 'wait'; seconds: number };

const fate = fc.oneof(
  { weight: 4, arbitrary: fc.constant('works' as const) },
  { weight: 5, arbitrary: fc.constantFrom(...FATES) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('request' as const), type: fc.constantFrom(...LIFECYCLE_REQUESTS) }),
  },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        do: fc.constant('drive' as const),
        fate,
        beside: fc.constantFrom(...LIFECYCLE_REQUESTS),
      },
      { requiredKeys: ['do', 'fate'] },
    ),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tick' as const), failing: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ do: 'look' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('apply' as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'pass' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'arrive' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 5, 30, 90) }) },
);

interface Look {
  observation: Observation;
  ticket: number;
  at: Date;
}

let app: TestApp;
let runs: CoreRuns;
let model: ModelEngine;
let engine: Engine;
let workflow: number;
/** How often what was looked at: a model that stops reaching a state tests nothing of it. */
const reached = new Map<string, number>();

beforeAll(async () => {
  model = new ModelEngine();
  app = await startTestApp({
    env: GRACES,
    roles: { api: true, worker: false, reconcile: false },
    killPoints: new KillPoints((point) => model.reach(point)),
    engines: {
      kinds: [model.kind()],
      entries: [{ name: 'model', kind: 'model', options: {}, callsPerSecond: 100_000 }],
    },
  });
  runs = new CoreRuns(app, 'model');
  workflow = await runs.store('modelled', '-', { tasks: [] });
  engine = app.app.nest.get(Engines).require('model');
  await checkHealth(app.database, engine);
});
afterAll(() => app.close());

test('whatever happens in whatever order, the invariants hold and every run ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40, size: 'max' }), async (commands) => {
      const id = await runs.startVersion(workflow);
      const looks: Look[] = [];
      for (const one of commands) {
        await perform(id, one, looks);
        await holds(id);
      }
      await heal(id);
      await holds(id);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  for (const state of [...RUN_STATES, 'retry in place']) {
    expect(`${state} ${(reached.get(state) ?? 0) > 0}`).toBe(`${state} true`);
  }
}, 600_000);

async function perform(id: number, one: Command, looks: Look[]): Promise<void> {
  switch (one.do) {
    case 'request':
      return request(id, one.type);
    case 'drive': {
      const { desired } = await runs.record(id);
      const submits = model.submits;
      model.fate = one.fate;
      await Promise.all([drive(id), one.beside ? request(id, one.beside) : undefined]);
      model.fate = 'works';
      // Rule 2: a cancel wish forbids any further submit.
      if (desired === 'cancelled' && !one.beside) expect(model.submits).toBe(submits);
      return;
    }
    case 'tick':
      return model.tick(one.failing);
    case 'look': {
      const ticket = await takeTicket(app.database);
      const { execution } = await runs.record(id);
      looks.push({ ...ticket, observation: model.observe(execution.key) });
      return;
    }
    case 'apply': {
      const look = looks[one.which % Math.max(looks.length, 1)];
      if (look) await apply(id, look);
      return;
    }
    case 'pass':
      await app.app.nest.get(Reconciler).pass({ runIds: [id] });
      return;
    case 'arrive':
      return model.arrive();
    case 'wait':
      return wait(id, one.seconds);
  }
}

async function request(id: number, type: LifecycleRequestType): Promise<void> {
  await runs.request(id, type).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error;
  });
}

/** A worker claims what is due and drives it; one that dies leaves its lease behind. */
async function drive(id: number): Promise<void> {
  const lane = makeDriveLane(app.database, engine);
  const { token, runs: due } = await claimDueRuns(app.database, 'model', 100, 15_000);
  for (const one of due) {
    if (one.run.id === id) await app.app.nest.get(RunDriver).drive(engine, one, token, lane);
  }
}

async function apply(id: number, { observation, ticket, at }: Look): Promise<void> {
  const [run] = await readRunRecords(app.database, [id]);
  // An observation knows its execution by the key: one of an older key is of no run any more.
  if (run?.execution.key !== observation.key) return;
  const outdated = ticket <= run.observedTicket;
  await applyObservations(app.database, new Metrics(), 'model', [{ run, observation }], {
    ticket,
    at,
    source: 'engine',
    pass: false,
    driving: false,
    epoch: 'one',
    engineMissingGraceMs: 300_000,
    stuckAfterMs: 600_000,
    taskRefreshIntervalMs: 30_000,
    taskSettleMs: 60_000,
  });
  // I5: what was asked for before the newest answer we have changes nothing.
  if (outdated) expect((await runs.record(id)).version).toBe(run.version);
}

/** Time passes for this run: every moment stored with it moves into the past. */
async function wait(id: number, seconds: number): Promise<void> {
  const earlier = (columns: string[]): string =>
    columns.map((column) => `${column} = ${column} - $2 * interval '1 second'`).join(', ');
  const ofRun = [
    'desired_at',
    'observed_at',
    'absent_since',
    'next_action_at',
    'lease_until',
    'created_at',
    'finished_at',
  ];
  const ofExecution = ['first_attempted_at', 'attempted_at', 'absent_since', 'cancel_sent_at'];
  await app.database.query({
    text: `UPDATE workflow_runs SET version = version + 1, ${earlier(ofRun)},
             last_error = jsonb_set(last_error, '{at}', to_jsonb((last_error->>'at')::timestamptz - $2 * interval '1 second'))
           WHERE id = $1`,
    values: [id, seconds],
  });
  await app.database.query({
    text: `UPDATE workflow_executions SET ${earlier(ofExecution)} WHERE workflow_run_id = $1`,
    values: [id, seconds],
  });
}

/** No more faults: everything under way arrives, time passes, workers work; the run has to end. */
async function heal(id: number): Promise<void> {
  for (let round = 0; round < 60; round++) {
    const run = await runs.record(id);
    if (isFinal(run.state)) return;
    if (run.desired === 'paused' || run.observed?.phase === 'paused') await request(id, 'RESUME');
    model.arrive();
    await wait(id, 20);
    await app.app.nest.get(Reconciler).pass({ runIds: [id] });
    await drive(id);
    model.tick(round % 2 === 0);
    await app.app.nest.get(Reconciler).pass({ runIds: [id] });
  }
  throw new Error(`run ${id} does not end: ${JSON.stringify(await runs.record(id))}`);
}

async function holds(id: number): Promise<void> {
  const run = await runs.record(id);
  expect({ state: run.state, failure: run.failure }).toMatchObject({
    state: fold(run).state,
    failure: fold(run).failure,
  });
  const { rows } = await app.database.query<{
    seq: number;
    from: RunState | null;
    to: RunState;
    generation: number;
  }>({
    text: `SELECT seq, from_state AS "from", to_state AS "to", generation FROM lifecycle_events
           WHERE workflow_run_id = $1 ORDER BY seq`,
    values: [id],
  });
  let last: (typeof rows)[number] | undefined;
  for (const [index, event] of rows.entries()) {
    expect(event.seq).toBe(index + 1);
    if (last) {
      expect(event.from).toBe(last.to);
      expect(event.generation).toBeGreaterThanOrEqual(last.generation);
      if (event.to !== last.to) {
        expect(`${last.to} -> ${event.to}: ${isAllowedMove(last.to, event.to)}`).toBe(
          `${last.to} -> ${event.to}: true`,
        );
        // I3: a final state is left by a new generation alone.
        if (isFinal(last.to)) expect(event.generation).toBe(last.generation + 1);
      }
    }
    last = event;
  }
  expect(last?.to).toBe(run.state);
  reached.set(run.state, (reached.get(run.state) ?? 0) + 1);
  if (run.execution.verb === 'retry') reached.set('retry in place', (reached.get('retry in place') ?? 0) + 1);
  const made = [...model.created].filter(([key]) => key.includes(run.token));
  for (const [key, times] of made) expect(`${key} ${times}`).toBe(`${key} 1`);
  if (isFinal(run.state)) meansIt(run);
}

/** I2, I11: a final state is the engine's word about this generation, or ours with a reason and a look-out for late arrivals. */
function meansIt(run: RunRecord): void {
  const { execution, observed, verdict } = run;
  const there = model.executions.get(execution.key);
  if (observed && execution.verb === 'retry') {
    expect(execution.baseline).not.toBeNull();
    expect(observed.baseline).not.toBe(execution.baseline);
  }
  if (observed && !verdict) expect(['succeeded', 'failed', 'cancelled']).toContain(observed.phase);
  const lives = there !== undefined && !['succeeded', 'failed', 'cancelled'].includes(there.phase);
  if (lives && execution.verb === 'submit') {
    expect(`${run.state}, alive on the engine, looked for: ${execution.tombstoneUntil !== null}`).toBe(
      `${run.state}, alive on the engine, looked for: true`,
    );
  }
}
