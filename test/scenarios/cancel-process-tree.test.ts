import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

let app: TestApp;
let api: Api;
beforeAll(async () => {
  const entries = [{ name: 'local', kind: 'local', options: { terminateGrace: '1s' }, callsPerSecond: 1_000 }];
  app = await startTestApp({ engines: { kinds: ENGINE_KINDS, entries } });
  api = new Api(app.url);
});
afterAll(() => app.close());

/** Live processes whose arguments hold the text; a zombie counts as dead. */
async function processesWith(text: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
      return command.includes(text) && !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
    }),
  );
  return found.filter(Boolean).length;
}

test('a cancel ends children, grandchildren and those that left the group; nothing is left after the grace', async () => {
  const seconds = String(100_000 + Math.floor(Math.random() * 100_000));
  const definition = JSON.stringify({
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name: 'tree',
    tasks: {
      tree: {
        run: [
          `sh -c 'sleep ${seconds} & sleep ${seconds} & wait' &`,
          `setsid sh -c 'trap "" TERM; sleep ${seconds}; sleep ${seconds}' &`,
          `sleep ${seconds}`,
        ].join('\n'),
      },
      beside: { command: ['sleep', seconds] },
      after: { needs: ['tree'], run: 'true' },
    },
  });
  await api.post('/workflows', { workflow_engine: 'local', definition_format: 'signalbox/v1', definition });
  const { body: run } = await api.post('/workflow-runs', { workflow: { title: 'tree' } });
  await until(
    () => processesWith(seconds),
    (count) => count >= 6,
  );
  const began = performance.now();
  expect((await api.put(`/workflow-runs/${run.id}/cancel`)).status).toBe(202);
  const ended = (await api.get(`/workflow-runs/${run.id}/wait?until=final&timeout=20`)).body;
  const took = (performance.now() - began) / 1000;
  expect(ended.state).toBe('CANCELLED');
  expect(await processesWith(seconds)).toBe(0);
  const { items } = (await api.get(`/workflow-runs/${run.id}/task-runs`)).body;
  expect(items.map((one) => one.state)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
  process.stdout.write(`cancelled with all its processes ${took.toFixed(1)} s after the request (grace 1 s)\n`);
});
