/** G: what a service holds in memory does not grow with what it is in charge of. */
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PARTS } from '../../adapters/local/attempt-folder.js';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
import { storeWorkflow } from '../../src/workflows/store-workflow.js';
import { compileCopy, type CompiledCopy } from '../chaos/compiled-copy.js';
import { Api } from '../support/api.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { serviceEnvironment, type EngineSource, type ServiceEnvironment } from '../support/service-environment.js';
import { startScriptedService, type ServiceProcess } from '../support/service-process.js';
import { testWhere } from '../support/test-where.js';
import { until } from '../support/until.js';
import { startWideEngine } from '../support/wide-engine.js';
import { form } from './form.js';

const MEGABYTE = 1_000_000;
const MOST_MB = 200;
const ACTIVE = form(150, 10_000);
const TASKS = Array.from({ length: 1_000 }, (_, index) => `task-${index}`);
const LOG_BYTES = form(200, 2_000) * MEGABYTE;
const LOOK_EVERY_MS = 250;
const LOG_PAGE = 8 * 1024 * 1024;
/** Node keeps what nobody uses any more for as long as it may: with little to waste, it shows what is needed. */
const LITTLE = { NODE_OPTIONS: '--max-old-space-size=72' };
/** A pass over so much takes its time, and is no fault. */
const TIMES = { ENGINE_TIMEOUT: '30s', LEASE: '40s', RECONCILE_INTERVAL: '5s' };

const testOnLinux = testWhere(process.platform === 'linux' ? undefined : 'needs /proc/PID/status, which is Linux');

let copy: CompiledCopy;
let database: TestDatabase;
let environment: ServiceEnvironment;
let service: ServiceProcess | undefined;

beforeAll(async () => {
  [copy, database] = await Promise.all([compileCopy(), createTestDatabase()]);
});
afterEach(async () => {
  await service?.stop();
  await environment.remove();
  service = undefined;
});
afterAll(async () => {
  await database.drop();
  await copy.remove();
});

testOnLinux(
  `F63: a service in charge of ${ACTIVE} active runs of ${TASKS.length} tasks each stays below ${MOST_MB} MB`,
  async () => {
    const engine = await startWideEngine(TASKS);
    try {
      await seedActive();
      service = await start({ se: engine.url });
      const api = new Api(service.url);
      // Clients look on while every run is read whole and its tasks are stored.
      const [first] = await ids();
      await until(
        async () => {
          await api.get('/workflow-runs?limit=100');
          await api.get(`/workflow-runs/${first}/task-runs?limit=1000`);
          await sleep(LOOK_EVERY_MS);
          return engine.read.size;
        },
        (read) => read === ACTIVE,
        3_000_000,
      );
      await until(
        () => ids('WHERE tasks_observed_at IS NULL'),
        (unread) => unread.length === 0,
      );
      const { rows } = await database.database.query<{ n: number }>({ text: 'SELECT count(*) AS n FROM task_runs' });
      expect(rows[0]?.n).toBe(ACTIVE * TASKS.length);
      await expectSmall(service);
    } finally {
      await engine.close();
    }
  },
  3_600_000,
);

testOnLinux(
  `F63: a service that hands out a log of ${LOG_BYTES / MEGABYTE} MB stays below ${MOST_MB} MB`,
  async () => {
    service = await start({ local: { kind: 'local', options: {} } });
    const api = new Api(service.url);
    const definition = {
      apiVersion: 'signalbox/v1',
      kind: 'Workflow',
      name: 'long-log',
      tasks: { only: { run: 'echo begun' } },
    };
    const workflow = {
      workflow_engine: 'local',
      definition_format: 'signalbox/v1',
      definition: JSON.stringify(definition),
    };
    expect((await api.post('/workflows', workflow)).status).toBe(201);
    const { id } = (await api.post('/workflow-runs', { workflow: { title: 'long-log' } })).body;
    await until(
      async () => (await api.get(`/workflow-runs/${id}`)).body['state'],
      (state) => state === 'COMPLETED',
    );
    await lengthen(environment.env['DATA_DIR'] ?? '', LOG_BYTES);
    const { items } = (await api.get(`/workflow-runs/${id}/task-runs`)).body;
    const first = `/v1/task-runs/${items[0]?.id}/logs?limit=${LOG_PAGE}`;
    expect(await readPages(service.url, first)).toBeGreaterThan(LOG_BYTES);
    await expectSmall(service);
  },
  600_000,
);

async function start(engines: Record<string, EngineSource>): Promise<ServiceProcess> {
  environment = await serviceEnvironment(database.url, engines, { ...TIMES, ...LITTLE, PORT: '0' });
  return startScriptedService('server', environment.env, copy.programs);
}

/** Resident memory at its highest, as the kernel counted it. */
async function expectSmall({ child }: ServiceProcess): Promise<void> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  const most = (Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) * 1024) / MEGABYTE;
  process.stdout.write(`F63: ${Math.round(most)} MB at most\n`);
  expect(most).toBeLessThan(MOST_MB);
}

/** Runs that their engine has accepted, and that nobody has looked at since. */
async function seedActive(): Promise<void> {
  const { id } = await database.database.transaction((db) =>
    storeWorkflow(db, {
      project: 'default',
      title: 'wide',
      engine: 'se',
      format: 'native',
      definition: '{}',
      workflowParameters: [],
      parameterSchemas: {},
      labels: [],
      diagnostics: [],
      graph: { tasks: TASKS.map((title) => ({ title, downstream: [] })) },
    }),
  );
  const tokens = Array.from({ length: ACTIVE }, newRunToken);
  await database.database.query({
    text: `
      WITH run AS (
        INSERT INTO workflow_runs (project, workflow_id, workflow_engine, token, state, event_seq, submitted_at)
        SELECT 'default', $1, 'se', token, 'SCHEDULED', 1, now() FROM unnest($2::text[]) AS token RETURNING id, token
      ), executed AS (
        INSERT INTO workflow_executions (workflow_run_id, generation, key, verb, outcome, external_id)
        SELECT run.id, 1, given.key, 'submit', 'known', 'x-' || given.key
        FROM run JOIN unnest($2::text[], $3::text[]) AS given(token, key) USING (token)
      )
      INSERT INTO lifecycle_events (workflow_run_id, seq, type, to_state, generation, source)
      SELECT id, 1, 'CREATED', 'SCHEDULED', 1, 'client' FROM run`,
    values: [id, tokens, tokens.map((token) => runKey(token, 1))],
  });
}

async function ids(which = ''): Promise<number[]> {
  const { rows } = await database.database.query<{ id: number }>({ text: `SELECT id FROM workflow_runs ${which}` });
  return rows.map((row) => row.id);
}

/** The task would have printed lines of a hundred bytes. */
async function lengthen(folder: string, bytes: number): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const log = entries.find((entry) => entry.isFile() && entry.name === PARTS.log);
  if (!log) throw new Error('the task left no log');
  const block = Buffer.from(`${'a line of a log '.repeat(6)}end\n`.repeat(10_000));
  const file = await open(join(log.parentPath, log.name), 'a');
  try {
    for (let written = 0; written < bytes; written += block.length) await file.write(block);
  } finally {
    await file.close();
  }
}

/** Bytes from `path` on, as the `Link` headers lead. */
async function readPages(url: string, path: string): Promise<number> {
  let bytes = 0;
  for (let next: string | undefined = path; next !== undefined;) {
    const answer = await fetch(new URL(next, url), { headers: { accept: 'text/plain' } });
    expect(answer.status).toBe(200);
    for await (const chunk of answer.body ?? []) bytes += (chunk as Uint8Array).length;
    next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return bytes;
}
