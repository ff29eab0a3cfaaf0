/** Runs that began on the engine: adopted where the operator wants it, else listed as drift; never deleted there. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BornExecution } from '../../adapters/spi/born.js';
import { Engines } from '../../src/engines/engines.js';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { adoptRuns } from '../../src/reconcile/adopt-runs.js';
import { Reconciler } from '../../src/reconcile/reconciler.js';
import { Retention } from '../../src/retention/retention.js';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { seededRandom } from '../support/seeded-random.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import type { ScriptedTask } from '../support/scripted-engine/scripted-workflow.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { until } from '../support/until.js';

const ENV = { POLL_INTERVAL: '50ms', RECONCILE_INTERVAL: '200ms', ORPHAN_INTERVAL: '200ms', REFRESH_MAX_AGE: '50ms' };
const ENDS: ScriptedTask[] = [
  { id: 'first', log: ['from first'] },
  { id: 'second', needs: ['first'] },
];
const HOLDS: ScriptedTask[] = [{ id: 'hold', duration_ms: 'hold' }];

let adopting: ScriptedEngine;
let watching: ScriptedEngine;
let app: TestApp;
let api: Api;
let count = 0;

beforeAll(async () => {
  [adopting, watching] = [await startScriptedEngine(), await startScriptedEngine()];
  app = await startTestApp({ env: ENV, engines: { kinds: [scriptedEngineKind], entries: entries() } });
  api = new Api(app.url);
});
afterAll(async () => {
  await app.close();
  await adopting.close();
  await watching.close();
});

function entries() {
  const of = (engine: ScriptedEngine) => ({ kind: 'scripted', options: { url: engine.url }, callsPerSecond: 10_000 });
  return [
    { name: 'adopting', ...of(adopting), adopt: true },
    { name: 'watching', ...of(watching) },
  ];
}

const newName = (): string => `people-${++count}`;

/** People's definition under a name of its own, imported, READY. */
async function imported(engine: string, tasks: ScriptedTask[], as = api): Promise<string> {
  const name = newName();
  const server = engine === 'adopting' ? adopting : watching;
  server.controls.offer(name, JSON.stringify({ tasks }));
  const answer = await as.post(`/engines/${engine}/import`, { references: [name] });
  expect(answer.body.items).toMatchObject([{ outcome: 'IMPORTED' }]);
  await until(
    async () => (await as.get(`/workflows/${name}/1`)).body['registration']?.state,
    (state) => state === 'READY',
  );
  return name;
}

async function runsOf(title: string): Promise<Body[]> {
  return (await api.get(`/workflow-runs?workflow_title=${title}`)).body.items;
}

/** The only run of the title, once it is in one of these states. */
async function adopted(title: string, ...states: string[]): Promise<Body> {
  const [run] = await until(
    () => runsOf(title),
    (runs) => runs.length > 0 && runs.every(({ state }) => states.includes(state)),
  );
  if (run === undefined) throw new Error(`no run of ${title}`);
  expect(await runsOf(title)).toHaveLength(1);
  return run;
}

/** Whatever the engine has now was looked at. */
async function lookedAt(engine: string): Promise<void> {
  const seenAt = async (): Promise<number> => {
    const { rows } = await app.database.query<{ at: Date | null }>({
      text: 'SELECT born_seen_at AS at FROM engines WHERE name = $1',
      values: [engine],
    });
    return rows[0]?.at?.getTime() ?? 0;
  };
  const { rows } = await app.database.query<{ now: Date }>({ text: 'SELECT clock_timestamp() AS now' });
  await until(seenAt, (at) => at > (rows[0]?.now.getTime() ?? 0));
}

describe('where runs are adopted', () => {
  test('one that somebody started becomes a workflow run, with its tasks, its logs and its parameters', async () => {
    const title = await imported('adopting', ENDS);
    const name = adopting.controls.begin(title, { by: 'hand' });
    const run = await adopted(title, 'COMPLETED');
    expect(run).toMatchObject({
      origin: 'engine',
      generation: 1,
      external_id: name,
      parameters: { by: 'hand' },
      workflow: { title, version: 1 },
    });
    const { body } = await api.get(`/workflow-runs/${run.id}/task-runs`);
    expect(body.items.map((task) => [task['task_title'], task.state])).toEqual([
      ['first', 'COMPLETED'],
      ['second', 'COMPLETED'],
    ]);
    expect((await api.get(`/task-runs/${body.items[0]?.id}/logs`)).text).toBe('from first\n');
    const { body: events } = await api.get(`/workflow-runs/${run.id}/lifecycle-events`);
    expect(events.items[0]).toMatchObject({ type: 'CREATED', to: 'SCHEDULED', source: 'engine', reason: 'adopted' });
    expect(events.items.at(-1)).toMatchObject({ to: 'COMPLETED' });
  });

  test('one that ran before the import, and goes on, is adopted; one that had ended is not', async () => {
    const name = newName();
    adopting.controls.offer(name, JSON.stringify({ tasks: HOLDS }));
    const ended = adopting.controls.begin(name);
    adopting.controls.finish(ended);
    const going = adopting.controls.begin(name);
    await api.post('/engines/adopting/import', { references: [name] });
    const run = await adopted(name, 'RUNNING');
    expect(run['external_id']).toBe(going);
    await lookedAt('adopting');
    expect(await runsOf(name)).toHaveLength(1);
  });

  test('a cancel stops it on the engine', async () => {
    const title = await imported('adopting', HOLDS);
    const name = adopting.controls.begin(title);
    const run = await adopted(title, 'RUNNING');
    expect((await api.put(`/workflow-runs/${run.id}/cancel`)).status).toBe(202);
    await adopted(title, 'CANCELLED');
    expect(adopting.controls.journal({ verb: 'cancel', key: name }).map(({ did }) => did)).toEqual(['stop graceful']);
  });

  test('a retry brings it back in place: another generation, the same execution', async () => {
    const title = await imported('adopting', [{ id: 'flaky', failing_attempts: 1 }]);
    const name = adopting.controls.begin(title);
    const run = await adopted(title, 'FAILED');
    expect((await api.put(`/workflow-runs/${run.id}/retry`)).status).toBe(202);
    expect(await adopted(title, 'COMPLETED')).toMatchObject({ generation: 2, external_id: name });
    expect(adopting.controls.keys().filter((key) => key === name)).toHaveLength(1);
    await lookedAt('adopting');
    expect(await runsOf(title)).toHaveLength(1);
  });

  test('nothing is adopted of what was not imported, or was archived', async () => {
    const unknown = newName();
    adopting.controls.offer(unknown, JSON.stringify({ tasks: ENDS }));
    adopting.controls.begin(unknown);
    const archived = await imported('adopting', ENDS);
    expect((await api.delete(`/workflows/${archived}/1`)).status).toBe(204);
    adopting.controls.begin(archived);
    await lookedAt('adopting');
    expect([await runsOf(unknown), await runsOf(archived)]).toEqual([[], []]);
  });

  test('what Signalbox started is not adopted as well', async () => {
    const title = await imported('adopting', ENDS);
    const { body } = await api.post('/workflow-runs', { workflow: { title } });
    expect((await adopted(title, 'COMPLETED')).id).toBe(body.id);
    await lookedAt('adopting');
    expect((await runsOf(title)).map(({ origin }) => origin)).toEqual(['api']);
  });

  test('reconcilers in two processes adopt each once', async () => {
    const title = await imported('adopting', ENDS);
    const other = await startTestApp({
      env: ENV,
      databaseUrl: app.databaseUrl,
      engines: { kinds: [scriptedEngineKind], entries: entries() },
    });
    const names = Array.from({ length: 40 }, () => adopting.controls.begin(title));
    const passes = [app, other].flatMap(({ app: { nest } }) =>
      Array.from({ length: 3 }, () => nest.get(Reconciler).pass({ engine: 'adopting' })),
    );
    await Promise.all(passes);
    await until(
      () => runsOf(title),
      (runs) => runs.length >= names.length && runs.every(({ state }) => state === 'COMPLETED'),
    );
    await lookedAt('adopting');
    await other.close();
    const found = (await runsOf(title)).map((run) => String(run['external_id']));
    expect(found.sort()).toEqual([...names].sort());
  }, 60_000);

  test('many writers of overlapping pages write each execution once, with everything that belongs to it', async () => {
    const title = await imported('watching', ENDS);
    const workflowId = (await api.get(`/workflows/${title}/1`)).body.id;
    const engine = app.app.nest.get(Engines).require('watching');
    const random = seededRandom(20_261);
    const all = Array.from({ length: 60 }, (_, index): BornExecution => ({
      reference: title,
      externalId: `race-${index}`,
      engineUid: `uid-${index}`,
      engineState: 'running',
      parameters: { index, text: 'a\u0000b' },
    }));
    const pages = Array.from({ length: 24 }, () =>
      all
        .filter(() => random() < 0.5)
        .sort(() => random() - 0.5)
        .map((execution) => ({ execution, workflowId })),
    );
    const written = await Promise.all(pages.map((page) => adoptRuns(app.database, engine, page)));
    const wanted = new Set(pages.flat().map(({ execution }) => execution.externalId));
    expect(written.reduce((sum, one) => sum + one, 0)).toBe(wanted.size);
    const { rows } = await app.database.query<{ externalId: string; runs: number; events: number }>({
      text: `SELECT e.external_id AS "externalId", count(DISTINCT r.id)::int AS runs, count(v.seq)::int AS events
             FROM workflow_executions e JOIN workflow_runs r ON r.id = e.workflow_run_id AND r.origin = 'engine'
             LEFT JOIN lifecycle_events v ON v.workflow_run_id = r.id AND v.seq = 1
             WHERE e.external_id LIKE 'race-%' GROUP BY 1`,
    });
    expect(rows.filter(({ runs, events }) => runs !== 1 || events !== 1)).toEqual([]);
    expect(rows.map(({ externalId }) => externalId).sort()).toEqual([...wanted].sort());
  });
});

describe('where they are not', () => {
  const foreign = async (as = api): Promise<Body[]> =>
    (await as.get('/admin/drift?kind=foreign&workflow_engine=watching')).body.items;

  test('an active one is drift until it ends, and no run', async () => {
    const title = await imported('watching', HOLDS);
    const workflowId = (await api.get(`/workflows/${title}/1`)).body.id;
    const name = watching.controls.begin(title);
    const [entry] = await until(
      () => foreign(),
      (entries) => entries.some((one) => String(one['external_id']) === name),
    );
    expect(entry).toMatchObject({ kind: 'foreign', external_id: name, workflow_id: workflowId });
    expect(await runsOf(title)).toEqual([]);
    expect(await foreign(api.as({ project: 'other' }))).toEqual([]);
    watching.controls.finish(name);
    await until(
      () => foreign(),
      (entries) => entries.length === 0,
    );
    expect(watching.controls.keys()).toContain(name);
    expect(await runsOf(title)).toEqual([]);
  });
});

test('an engine that starts no runs of its own cannot be told to adopt them', async () => {
  const entry = { name: 'local', kind: 'local', options: {}, callsPerSecond: 100, adopt: true };
  const started = startTestApp({
    databaseUrl: app.databaseUrl,
    engines: { kinds: ENGINE_KINDS, entries: [entry] },
  });
  await expect(started).rejects.toThrow('engines[0] (local).adopt: local starts no runs of its own to adopt');
});

test('a run that is kept no longer is deleted in the record alone, and is not adopted again', async () => {
  const engine = await startScriptedEngine();
  const own = await startTestApp({
    env: { ...ENV, RUN_RETENTION: '1s' },
    engines: {
      kinds: [scriptedEngineKind],
      entries: [
        { name: 'adopting', kind: 'scripted', options: { url: engine.url }, callsPerSecond: 10_000, adopt: true },
      ],
    },
  });
  try {
    const ownApi = new Api(own.url);
    engine.controls.offer('tidy', JSON.stringify({ tasks: ENDS }));
    await ownApi.post('/engines/adopting/import', { references: ['tidy'] });
    const statesOf = async (): Promise<string[]> =>
      (await ownApi.get('/workflow-runs')).body.items.map(({ state }) => state);
    await until(
      async () => (await ownApi.get('/workflows/tidy/1')).body['registration']?.state,
      (state) => state === 'READY',
    );
    const name = engine.controls.begin('tidy');
    await until(statesOf, (states) => states.includes('COMPLETED'));
    await until(
      () => own.app.nest.get(Retention).pass(),
      (deleted) => deleted === 1,
    );
    const looks = engine.controls.calls()['list-born'] ?? 0;
    await until(
      async () => engine.controls.calls()['list-born'] ?? 0,
      (calls) => calls > looks + 2,
    );
    expect(await statesOf()).toEqual([]);
    expect(engine.controls.keys()).toContain(name);
    expect(engine.controls.journal({ verb: 'forget' })).toEqual([]);
  } finally {
    await own.close();
    await engine.close();
  }
}, 120_000);
