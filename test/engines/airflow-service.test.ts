/** The service on a real Airflow, as `npm run engines -- up` starts one: what a client sees of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { airflowFixture } from '../../adapters/airflow/airflow-fixtures.test-support.js';
import { airflowPeople } from '../../adapters/airflow/airflow-people.test-support.js';
import { AirflowClient } from '../../adapters/airflow/airflow-client.js';
import { readAirflowOptions } from '../../adapters/airflow/airflow-options.js';
import { airflowEngine } from '../../adapters/airflow/airflow.engine-kind.js';
import type { FixtureName } from '../../adapters/conformance/fixtures.js';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';
import { HOSTILE, PARITY } from './parity-cases.js';

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
      env: { RECONCILE_INTERVAL: '2s', REFRESH_MAX_AGE: '500ms', ORPHAN_INTERVAL: '2s' },
      engines: {
        kinds: [airflowEngine],
        entries: [{ name: engine, kind: 'airflow', options, callsPerSecond: 50, adopt: true }],
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
        greeting: { bytes: Buffer.byteLength(HOSTILE), hex: Buffer.from(HOSTILE).toString('hex') },
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
    'what people have there is imported, and a run that one of them starts is adopted and cancelled',
    async () => {
      const options = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
      const client = new AirflowClient(readAirflowOptions(options));
      const people = airflowPeople(client, String(options['dagsFolder']));
      try {
        const name = `people-${Date.now().toString(36)}`;
        await people.offer('sleeping', name, { key: 'tag', value: name });
        const { body } = await api.get(`/engines/${engine}/workflows?label_selector=tag=${name}`);
        expect(body.items).toMatchObject([{ reference: name, labels: [{ key: 'tag', value: name }] }]);
        const { body: done } = await api.post(`/engines/${engine}/import`, { references: [name] });
        expect(done.items).toMatchObject([{ outcome: 'IMPORTED', workflow: { title: name, version: 1 } }]);
        await until(
          async () => (await api.get(`/workflows/${name}/1`)).body,
          (workflow) => workflow['registration']?.state === 'READY',
          LONG_MS,
        );
        const externalId = await people.start(name);
        const [run] = await until(
          async () => (await api.get(`/workflow-runs?workflow_title=${name}`)).body.items,
          (runs) => runs.some(({ state }) => state === 'RUNNING'),
          LONG_MS,
        );
        expect(run).toMatchObject({ origin: 'engine', external_id: externalId, parameters: { by: 'hand' } });
        expect((await api.put(`/workflow-runs/${run?.id}/cancel`)).status).toBe(202);
        expect(await reaches(run?.id ?? 0, 'CANCELLED')).toMatchObject({ external_id: externalId });
      } finally {
        await people.withdraw();
        client.close();
      }
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
