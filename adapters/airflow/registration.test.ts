/** DAG files, written by several at once. */
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { INSTALLATION_ID, callContext } from '../conformance/world.js';
import type { EngineAdapter, WorkflowVersion } from '../spi/engine-adapter.js';
import { airflowAdapter } from './airflow.adapter.js';

const TEXT = `from airflow.sdk import DAG\nDAG("SIGNALBOX_DAG_ID", schedule=None)\n${'# a long file\n'.repeat(40_000)}# its end\n`;
const WORKFLOW: WorkflowVersion = {
  id: '1',
  project: 'default',
  title: 'long',
  version: 1,
  definition: { format: 'native', text: TEXT },
  digest: 'digest',
};

let folder: string;
let airflow: Server;
let adapters: [EngineAdapter, EngineAdapter];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-dags-'));
  airflow = createServer(({ url = '/' }, response) => {
    const path = url.replace(/\?.*/, '');
    const known: Record<string, unknown> = {
      '/api/v2/version': { version: '3.3.2' },
      '/api/v2/importErrors': { import_errors: [], total_entries: 0 },
    };
    response.writeHead(path in known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(known[path] ?? { detail: `DAG with ID: ${path.split('/').at(-1)} was not found` }));
  });
  airflow.listen(0, '127.0.0.1');
  await once(airflow, 'listening');
  const url = `http://127.0.0.1:${(airflow.address() as AddressInfo).port}`;
  const options = {
    url,
    credentials: { kind: 'token', token: 'a token' },
    dagsFolder: folder,
    dedupeHorizonMs: 0,
  } as const;
  const host = { installationId: INSTALLATION_ID };
  adapters = [airflowAdapter(options, host), airflowAdapter(options, host)];
});

afterEach(async () => {
  await Promise.all(adapters.map((adapter) => adapter.close()));
  airflow.close();
  await rm(folder, { recursive: true });
});

test('a version that several register at once is a whole file at every moment, and leaves nothing beside it', async () => {
  let registering = true;
  const seen = new Set<string>();
  const reader = (async () => {
    while (registering) {
      for (const file of (await readdir(folder)).filter((name) => name.endsWith('.py'))) {
        seen.add((await readFile(join(folder, file), 'utf8')).slice(-10));
      }
    }
  })();
  const registered = await Promise.all(
    Array.from({ length: 20 }, (_, index) => adapters[index < 10 ? 0 : 1].register(WORKFLOW, callContext(20_000))),
  ).finally(async () => {
    registering = false;
    await reader;
  });
  expect(registered.map((one) => one.state)).toEqual(registered.map(() => 'PENDING'));
  expect([...seen]).toEqual(['# its end\n']);
  expect(await readdir(folder)).toHaveLength(1);
});
