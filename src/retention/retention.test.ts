/** What cannot be deleted, on an engine or in the record, keeps nothing else. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import type { ExecutionRef } from '../../adapters/spi/facts.js';
import { startTestApp, type TestApp } from '../../test/support/app.js';
import { CoreRuns } from '../../test/support/core-runs.js';
import { MemoryEngine } from '../../test/support/memory-engine.js';
import { Engines } from '../engines/engines.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';
import { ROLES } from '../roles.js';
import { forgetExecutions } from './forget-executions.js';
import { Retention } from './retention.js';

const ENGINES = ['first', 'second'] as const;
type EngineName = (typeof ENGINES)[number];

let app: TestApp;
const workflows = new Map<EngineName, number>();

/** What both engines do when they are told to forget: one execution after the other, as real ones. */
let forgets: (ref: ExecutionRef) => Promise<void>;
let forgotten: Set<string>;
let asked: number;

beforeAll(async () => {
  const env = { ENGINE_TIMEOUT: '800ms', LEASE: '1200ms', RUN_RETENTION: '1d' };
  const entries = ENGINES.map((name) => ({ name, kind: 'memory', options: {}, callsPerSecond: 1_000 }));
  app = await startTestApp({ roles: ROLES.api, env, engines: { kinds: [kind()], entries } });
  for (const name of ENGINES) workflows.set(name, await new CoreRuns(app, name).store('any', 'only'));
});
afterAll(() => app.close());

beforeEach(() => {
  forgets = () => Promise.resolve();
  forgotten = new Set();
  asked = 0;
});
afterEach(async () => {
  await app.database.query({ text: 'DROP TRIGGER IF EXISTS hindered ON workflow_runs' });
  await app.database.query({ text: 'DELETE FROM purged_executions' });
  await app.database.query({ text: 'DELETE FROM workflow_runs' });
});

test('an execution that the engine cannot remove keeps no other', async () => {
  const [bad = '', ...good] = await note('first', 300);
  forgets = (ref) => (ref.key === bad ? Promise.reject(new EngineError('unknown', '500')) : Promise.resolve());
  await pass();
  expect(await noted()).toEqual([bad]);
  expect([...forgotten].sort()).toEqual([...good].sort());
  forgets = () => Promise.resolve();
  await pass();
  expect(await noted()).toEqual([]);
});

test('calls of which a batch takes longer than ENGINE_TIMEOUT come to an end', async () => {
  await note('first', 80);
  forgets = () => pause(15);
  await pass();
  expect(await noted()).toEqual([]);
});

test('calls of which a few take longer than ENGINE_TIMEOUT are made one by one', async () => {
  await note('first', 12);
  forgets = () => pause(100);
  await pass();
  expect(await noted()).toEqual([]);
});

test('no further call is begun once the time is over, not even for what a call left', async () => {
  await note('first', 10);
  forgets = async () => {
    await pause(60);
    throw new EngineError('unknown', '500');
  };
  const engine = app.app.nest.get(Engines).require('first');
  await forgetExecutions(app.database, engine, { atMost: 100, forMs: 100, afterCall: () => undefined });
  expect(asked).toBeLessThanOrEqual(3);
  expect((await noted()).length).toBe(10);
});

test('an engine that is away is asked once and keeps no other', async () => {
  await note('first', 30);
  await note('second', 30);
  forgets = () => Promise.reject(new EngineError('unavailable', '503'));
  await pass();
  expect(asked).toBe(2);
  forgets = () => Promise.resolve();
  await pass();
  expect(await noted()).toEqual([]);
});

test('a pass begins anywhere among the notes and comes to all of them', async () => {
  await note('first', 25);
  for (let at = 0; at < 5; at++) {
    await pass();
    expect(await noted()).toEqual([]);
    await note('first', 25);
  }
});

test('runs that are too many for one statement are deleted in smaller batches', async () => {
  await endedRuns('first', 150);
  await hinder(`(SELECT count(*) FROM gone) > 60`, '57014');
  await pass();
  expect(await countRuns('first')).toBe(0);
});

test('an engine whose runs cannot be deleted keeps no other, and is said', async () => {
  await endedRuns('first', 3);
  await endedRuns('second', 3);
  const notes = await note('first', 3);
  await hinder(`EXISTS (SELECT FROM gone WHERE workflow_engine = 'first')`, 'XX000');
  await expect(pass()).rejects.toThrow('first');
  expect(await countRuns('first')).toBe(3);
  expect(await countRuns('second')).toBe(0);
  expect([...forgotten].sort()).toEqual([...notes].sort());
});

function kind(): EngineKind {
  const made = new MemoryEngine('memory').kind();
  return {
    ...made,
    create: async (...given) => {
      const adapter = await made.create(...given);
      const capabilities = {
        ...adapter.capabilities,
        verbs: { ...adapter.capabilities.verbs, forget: 'native' as const },
      };
      return { ...adapter, capabilities, forget } satisfies EngineAdapter;
    },
  };
}

const forget: NonNullable<EngineAdapter['forget']> = async (refs, { signal }) => {
  asked += 1;
  for (const ref of refs) {
    signal.throwIfAborted();
    if (forgotten.has(ref.key)) continue;
    await forgets(ref);
    forgotten.add(ref.key);
  }
};

function pass(): Promise<number> {
  return app.app.nest.get(Retention).pass();
}

/** Executions of runs that were deleted; returns their keys. */
async function note(engine: EngineName, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, () => runKey(newRunToken(), 1));
  await app.database.query({
    text: `INSERT INTO purged_executions (workflow_engine, key, workflow_id) SELECT $1, unnest($2::text[]), $3`,
    values: [engine, keys, workflows.get(engine)],
  });
  return keys;
}

async function noted(): Promise<string[]> {
  const { rows } = await app.database.query<{ key: string }>({ text: 'SELECT key FROM purged_executions' });
  return rows.map(({ key }) => key);
}

/** Runs that ended long ago and never reached their engine. */
async function endedRuns(engine: EngineName, count: number): Promise<void> {
  const runs = new CoreRuns(app, engine);
  const ids: number[] = [];
  for (let made = 0; made < count; made++) ids.push(await runs.startVersion(workflows.get(engine) ?? 0));
  await app.database.query({
    text: `UPDATE workflow_runs SET state = 'CANCELLED', next_action_at = NULL, finished_at = now() WHERE id = ANY ($1)`,
    values: [ids],
  });
  await app.database.query({
    text: `UPDATE workflow_executions SET ended_at = now() - interval '2 days' WHERE workflow_run_id = ANY ($1)`,
    values: [ids],
  });
}

async function countRuns(engine: EngineName): Promise<number> {
  const { rows } = await app.database.query<{ count: number }>({
    text: 'SELECT count(*) AS count FROM workflow_runs WHERE workflow_engine = $1',
    values: [engine],
  });
  return rows[0]?.count ?? 0;
}

/** Every statement that deletes runs fails with this SQLSTATE when the condition on what is `gone` holds. */
async function hinder(condition: string, sqlstate: string): Promise<void> {
  await app.database.query({
    text: `CREATE OR REPLACE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF ${condition} THEN RAISE EXCEPTION 'hindered' USING ERRCODE = '${sqlstate}'; END IF;
             RETURN NULL;
           END $$`,
  });
  await app.database.query({
    text: `CREATE TRIGGER hindered AFTER DELETE ON workflow_runs REFERENCING OLD TABLE AS gone
           FOR EACH STATEMENT EXECUTE FUNCTION hinder()`,
  });
}
