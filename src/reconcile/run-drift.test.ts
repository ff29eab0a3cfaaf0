/** What contradicts the end of a run does so in the generation that ended, and until it is retried. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { CoreRuns } from '../../test/support/core-runs.js';
import { MemoryEngine } from '../../test/support/memory-engine.js';
import { until } from '../../test/support/until.js';
import { Reconciler } from './reconciler.js';

const engine = new MemoryEngine('memory');
let app: TestApp;
let runs: CoreRuns;
let workflow: number;

/** Waits before the next list is answered. */
let beforeList: (() => Promise<void>) | undefined;

beforeAll(async () => {
  const entries = [{ name: 'memory', kind: 'memory', options: {}, callsPerSecond: 1_000 }];
  app = await startTestApp({
    roles: { api: true, worker: true, reconcile: false },
    engines: { kinds: [kind()], entries },
  });
  runs = new CoreRuns(app, 'memory');
  workflow = await runs.store('any', 'only', { tasks: [{ title: 'only', downstream: [] }] });
});
afterAll(() => app.close());

beforeEach(async () => {
  await app.database.query({ text: 'DELETE FROM workflow_runs' });
});

test('a look under way while a run is retried contradicts nothing: what it sees is the new generation', async () => {
  const id = await failedRun();
  let answer: () => void = () => undefined;
  let passing: Promise<unknown> = Promise.resolve();
  await new Promise<void>((asked) => {
    beforeList = () => {
      asked();
      return new Promise((release) => (answer = release));
    };
    passing = pass();
  });
  await retry(id);
  answer();
  await passing;
  expect(engine.executionOf(id)?.facts.phase).toBe('running');
  expect(await drift()).toEqual([]);
});

test('a run that somebody began again on its engine is drift until it is retried', async () => {
  const id = await failedRun();
  engine.say(id, { phase: 'running', engineState: 'running', baseline: '7' });
  await pass();
  expect(await drift()).toEqual([{ id, kind: 'state', open: true }]);
  await pass();
  expect(await drift()).toEqual([{ id, kind: 'state', open: true }]);
  await retry(id);
  await pass();
  expect((await runs.record(id)).state).toBe('RUNNING');
  expect(await drift()).toEqual([{ id, kind: 'state', open: false }]);
});

test('drift of a generation ends with a retry that itself ended before the next pass', async () => {
  const id = await failedRun();
  engine.say(id, { phase: 'running', engineState: 'running', baseline: '7' });
  await pass();
  await retry(id);
  engine.say(id, { phase: 'succeeded', engineState: 'success' });
  await pass();
  expect((await runs.record(id)).state).toBe('COMPLETED');
  expect(await drift()).toEqual([{ id, kind: 'state', open: false }]);
});

function kind(): EngineKind {
  const made = engine.kind();
  return {
    ...made,
    create: async (...given) => {
      const adapter = await made.create(...given);
      const observeMany: EngineAdapter['observeMany'] = async (refs, ctx) => {
        const wait = beforeList;
        beforeList = undefined;
        await wait?.();
        return adapter.observeMany(refs, ctx);
      };
      return { ...adapter, observeMany } satisfies EngineAdapter;
    },
  };
}

async function failedRun(): Promise<number> {
  const id = await runs.startVersion(workflow);
  await runs.reaches(id, 'SCHEDULED');
  engine.say(id, { phase: 'failed', engineState: 'failed' });
  await pass();
  expect((await runs.record(id)).state).toBe('FAILED');
  return id;
}

/** Until the engine has begun generation 2. */
async function retry(id: number): Promise<void> {
  await runs.request(id, 'RETRY');
  await until(
    () => runs.record(id),
    ({ generation, execution }) => generation === 2 && execution.outcome === 'known',
  );
}

function pass(): Promise<unknown> {
  return app.app.nest.get(Reconciler).pass();
}

async function drift(): Promise<unknown[]> {
  const { rows } = await app.database.query({
    text: 'SELECT workflow_run_id AS id, kind, resolved_at IS NULL AS open FROM drift ORDER BY id',
  });
  return rows;
}
