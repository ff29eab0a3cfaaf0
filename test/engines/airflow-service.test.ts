/** The service on a real Airflow, as `npm run engines -- up` starts one: what a client sees of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { airflowFixture } from '../../adapters/airflow/airflow-fixtures.test-support.js';
import { airflowEngine } from '../../adapters/airflow/airflow.engine-kind.js';
import type { FixtureName } from '../../adapters/conformance/fixtures.js';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';
import { HOSTILE, PARITY } from './parity.js';

const LONG_MS = 180_000;
const TITLE = `service ${Date.now().toString(36)}`;

describe.each([
  ['airflow3', 'AIRFLOW3_ENDPOINT'],
  ['airflow2', 'AIRFLOW2_ENDPOINT'],
])('the service on %s', (engine, variable) => {
  const file = process.env[variable];
  if (file === undefined) {
    test.skip(`${variable} is not set: npm run engines -- up ${engine} starts one and says how`, () => undefined);
    return;
  }
  let app: TestApp;
  let api: Api;

  beforeAll(async () => {
    const options = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    app = await startTestApp({
      env: { RECONCILE_INTERVAL: '2s', REFRESH_MAX_AGE: '500ms' },
      engines: {
        kinds: [airflowEngine],
        entries: [{ name: engine, kind: 'airflow', options, callsPerSecond: 50 }],
      },
    });
    api = new Api(app.url);
  }, LONG_MS);
  afterAll(() => app.close());

  async function stored(title: string, format: string, definition: string): Promise<Body> {
    const answer = await api.post('/workflows', {
      title,
      workflow_engine: engine,
      definition_format: format,
      definition,
    });
    expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
    const path = `/workflows/${encodeURIComponent(title)}/1`;
    return until(
      async () => (await api.get(path)).body,
      (workflow) => workflow['registration']?.state === 'READY',
      LONG_MS,
    );
  }

  const native = (fixture: FixtureName): Promise<Body> =>
    stored(`${TITLE} ${fixture}`, 'native', airflowFixture(fixture));

  async function started(title: string): Promise<number> {
    const answer = await api.post('/workflow-runs', { workflow: { title } });
    expect(answer.status).toBe(201);
    return answer.body.id;
  }

  const reaches = (id: number, state: string): Promise<Body> =>
    until(
      async () => (await api.get(`/workflow-runs/${id}`)).body,
      (run) => run.state === state,
      LONG_MS,
    );

  test(
    'a native definition runs to its end, with its outputs and the address of its page',
    async () => {
      await native('diamond');
      const run = await reaches(await started(`${TITLE} diamond`), 'COMPLETED');
      expect(run['outputs']).toEqual({ value: 7 });
      expect(String(run['engine_url'])).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/dags\/sb_/);
      const { body } = await api.get(`/workflow-runs/${run.id}/task-runs`);
      const states = body.items.map((task) => [String(task['task_title']), task.state]);
      expect(Object.fromEntries(states)).toEqual({
        top: 'COMPLETED',
        left: 'COMPLETED',
        right: 'COMPLETED',
        bottom: 'COMPLETED',
      });
    },
    LONG_MS,
  );

  test(
    'a reference runs the DAG that is there',
    async () => {
      await native('linear');
      const own = await reaches(await started(`${TITLE} linear`), 'COMPLETED');
      const dagId = /\/dags\/([^/?]+)/.exec(String(own['engine_url']))?.[1] ?? '';
      await stored(`${TITLE} reference`, 'reference', dagId);
      const run = await reaches(await started(`${TITLE} reference`), 'COMPLETED');
      expect(String(run['engine_url'])).toContain(`/dags/${dagId}/`);
    },
    LONG_MS,
  );

  test(
    'a portable definition runs compiled: its values arrive as they are, each attempt has the log of its command alone',
    async () => {
      const title = `${TITLE} parity`;
      await stored(title, 'signalbox/v1', PARITY);
      const parameters = { count: 2, limit: 1, greeting: HOSTILE };
      const answer = await api.post('/workflow-runs', { workflow: { title }, parameters });
      expect([answer.status, answer.text]).toEqual([201, expect.any(String)]);
      const run = await reaches(answer.body.id, 'COMPLETED');
      expect(run['outputs']).toMatchObject({
        squares: [1, 4],
        alarm: 'COMPLETED',
        greeting: { bytes: Buffer.byteLength(HOSTILE) },
      });
      const { body } = await api.get(`/workflow-runs/${run.id}/task-runs`);
      const ids = Object.fromEntries(body.items.map((task) => [String(task['task_title']), task.id]));
      expect(Object.keys(ids).sort()).toEqual(['alarm', 'plan', 'report', 'square', 'total', 'weigh']);
      for (const attempt of [1, 2]) {
        const log = await api.get(`/task-runs/${ids['weigh']}/logs?attempt=${attempt}`, {
          headers: { accept: 'text/plain' },
        });
        expect([log.status, log.text]).toEqual([200, `attempt ${attempt} of weigh\n`]);
      }
      const report = await api.get(`/task-runs/${ids['report']}/logs`, { headers: { accept: 'text/plain' } });
      expect(report.text).toBe(
        `5 squares, a greeting of ${Buffer.byteLength(HOSTILE)} bytes ${HOSTILE} alarm COMPLETED\n`,
      );
    },
    LONG_MS,
  );

  test(
    'a run is cancelled, and a retry brings it back until it is cancelled again',
    async () => {
      await native('sleeping');
      const id = await started(`${TITLE} sleeping`);
      await reaches(id, 'RUNNING');
      for (const verb of ['cancel', 'retry', 'cancel']) {
        if (verb === 'retry') await reaches(id, 'CANCELLED');
        const { status } = await api.put(`/workflow-runs/${id}/${verb}`);
        expect([verb, status]).toEqual([verb, 202]);
        if (verb === 'retry') await reaches(id, 'RUNNING');
      }
      const run = await reaches(id, 'CANCELLED');
      expect(run['generation']).toBe(2);
    },
    LONG_MS,
  );
});
