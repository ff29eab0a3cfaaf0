import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  argoEndpoint,
  kubectl,
  NOT_UP,
  optionsOf,
  type Access,
  type ArgoEndpoint,
} from '../../adapters/argo/argo-endpoint.test-support.js';
import { argoPeople, definitionOf } from '../../adapters/argo/argo-lab.test-support.js';
import { selectInstallation } from '../../adapters/argo/marker.js';
import type { FixtureName } from '../../adapters/conformance/fixtures.js';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

const LIMIT_MS = 300_000;
const endpoint = argoEndpoint();
const accesses: Access[] = ['server', 'kubernetes'];
const onReal = endpoint ? describe : describe.skip;

onReal.each(accesses)(`runs on a real Argo, access %s${endpoint ? '' : ` (${NOT_UP})`}`, (access) => {
  const argo = endpoint as ArgoEndpoint;
  let app: TestApp;
  let api: Api;

  beforeAll(async () => {
    const entries = [{ name: 'argo', kind: 'argo', options: optionsOf(argo, access), callsPerSecond: 50, adopt: true }];
    app = await startTestApp({
      engines: { kinds: ENGINE_KINDS, entries },
      env: { RECONCILE_INTERVAL: '5s', ORPHAN_INTERVAL: '2s' },
    });
    api = new Api(app.url);
  }, LIMIT_MS);

  afterAll(async () => {
    const { rows } = await app.database.query<{ id: string }>({ text: 'SELECT id FROM installation' });
    await app.close();
    // Others may use the same Argo: their sentinels bear our label too.
    const ours = ['-n', argo.namespace, '-l', selectInstallation(rows[0]?.id ?? '')];
    await kubectl(argo, 'delete', 'workflows,workflowtemplates', ...ours);
  }, LIMIT_MS);

  async function start(fixture: FixtureName): Promise<Body> {
    const { format, text } = definitionOf(fixture);
    const workflow = { title: fixture, workflow_engine: 'argo', definition_format: format, definition: text };
    expect((await api.post('/workflows', workflow)).status).toBe(201);
    const ready = await until(
      async () => (await api.get(`/workflows/${fixture}/1`)).body,
      ({ registration }) => registration?.state !== 'PENDING',
      60_000,
    );
    expect(ready['registration']).toMatchObject({ state: 'READY' });
    const { status, body } = await api.post('/workflow-runs', { workflow: { title: fixture } });
    expect(status).toBe(201);
    return body;
  }

  /** The run once its state is one of these. */
  function reached(run: Body, ...states: string[]): Promise<Body> {
    const ask = async (): Promise<Body> => (await api.get(`/workflow-runs/${run.id}`)).body;
    return until(ask, ({ state }) => states.includes(state), LIMIT_MS / 2);
  }

  async function taskRuns(run: Body): Promise<Record<string, [string, number]>> {
    const { items } = (await api.get(`/workflow-runs/${run.id}/task-runs`)).body;
    return Object.fromEntries(items.map((one) => [String(one['task_title']), [one.state, Number(one['attempt'])]]));
  }

  test(
    'a diamond completes, with its tasks, its outputs and the address of its page',
    async () => {
      const run = await reached(await start('diamond'), 'COMPLETED', 'FAILED');
      expect(run).toMatchObject({ state: 'COMPLETED', outputs: { value: 7 } });
      expect(run['engine_url']).toMatch(/^http:\/\/.*\/workflows\/argo\/sb-[a-z2-7]{26}-g1\?uid=/);
      expect(await taskRuns(run)).toEqual({
        top: ['COMPLETED', 1],
        left: ['COMPLETED', 1],
        right: ['COMPLETED', 1],
        bottom: ['COMPLETED', 1],
      });
    },
    LIMIT_MS,
  );

  test(
    'a running workflow is cancelled',
    async () => {
      const run = await reached(await start('sleeping'), 'RUNNING');
      const began = performance.now();
      expect((await api.put(`/workflow-runs/${run.id}/cancel`)).status).toBe(202);
      await reached(run, 'CANCELLED');
      process.stdout.write(`access ${access}: cancelled after ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    },
    LIMIT_MS,
  );

  test(
    'what people have there is imported, and a run that one of them submits is adopted and cancelled',
    async () => {
      const people = argoPeople(argo);
      try {
        const name = `people-${access}-${Date.now().toString(36)}`;
        await people.offer('sleeping', name, { key: 'tag', value: name });
        const { body } = await api.get(`/engines/argo/workflows?label_selector=tag=${name}`);
        expect(body.items).toMatchObject([{ reference: name, name }]);
        const { body: done } = await api.post('/engines/argo/import', { references: [name] });
        expect(done.items).toMatchObject([{ outcome: 'IMPORTED', workflow: { title: name, version: 1 } }]);
        await until(
          async () => (await api.get(`/workflows/${name}/1`)).body,
          ({ registration }) => registration?.state === 'READY',
          60_000,
        );
        const externalId = await people.start(name);
        const [run] = await until(
          async () => (await api.get(`/workflow-runs?workflow_title=${name}`)).body.items,
          (runs) => runs.some(({ state }) => state === 'RUNNING'),
          LIMIT_MS / 2,
        );
        expect(run).toMatchObject({ origin: 'engine', external_id: externalId });
        const hold = async (): Promise<unknown> => (await taskRuns(run as Body))['hold']?.[0];
        await until(hold, (state) => state === 'RUNNING', 60_000);
        expect((await api.put(`/workflow-runs/${run?.id}/cancel`)).status).toBe(202);
        await reached(run as Body, 'CANCELLED');
      } finally {
        await people.withdraw();
      }
    },
    LIMIT_MS,
  );

  if (access === 'server') {
    test(
      'a failed run is retried from what failed',
      async () => {
        const run = await reached(await start('failing-once'), 'FAILED');
        expect(run['failure']).toMatchObject({ class: 'user', task_title: 'flaky' });
        expect((await api.put(`/workflow-runs/${run.id}/retry`)).status).toBe(202);
        await reached(run, 'COMPLETED');
        expect(await taskRuns(run)).toEqual({
          first: ['COMPLETED', 1],
          flaky: ['COMPLETED', 2],
          last: ['COMPLETED', 1],
        });
      },
      LIMIT_MS,
    );
  }
});
