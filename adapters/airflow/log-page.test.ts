/** Logs of an Airflow that answers them badly, through the wire that the conformance suite puts before a real one. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BROKEN_SHAPES } from '../conformance/broken-shapes.js';
import { textOf } from '../conformance/expectations.js';
import { INSTALLATION_ID, callContext } from '../conformance/world.js';
import type { EngineAdapter, LogRequest } from '../spi/engine-adapter.js';
import { HttpWire } from '../../test/support/http-wire.js';
import { airflow2 } from './airflow-2.js';
import { airflowAdapter } from './airflow.adapter.js';

const RUN = '/api/v2/dags/linear/dagRuns/run-1';
const LOG_PATH = /\/logs\/1\?/;
const ROW = { dag_id: 'linear', dag_run_id: 'run-1', state: 'success' };
const INSTANCE = { ...ROW, task_id: 'first', map_index: -1, try_number: 1 };
const LINE = { event: 'a line', timestamp: '2026-01-01T00:00:00Z', logger: 'task.stdout' };
const ANSWERS: Record<string, unknown> = {
  '/api/v2/version': { version: '3.3.2' },
  [RUN]: ROW,
  '/api/v2/dags/~/dagRuns/~/taskInstances/list': { task_instances: [INSTANCE], total_entries: 1 },
};
const REQUEST: LogRequest = {
  ref: { key: 'run-1', externalId: 'linear/run-1', workflow: { id: '1', title: 'linear', version: 1 } },
  task: 'first',
  attempt: 1,
  limitBytes: 10_000,
};

/** The wire ends idle connections after five seconds, which would free one that was kept. */
const DEADLINE_MS = 3_000;

/** Of Airflow 3.3.2 after the folder of the log was taken away; its hosts and ports aside. */
const LOST = [
  { timestamp: null, event: '::group::Log message source details' },
  {
    timestamp: null,
    event: "Could not read served logs: HTTPConnectionPool(host='worker', port=8793): Max retries exceeded",
  },
  { timestamp: null, event: '::endgroup::' },
];

let lines: object[];
let airflow: Server;
let wire: HttpWire;
let adapter: EngineAdapter;

beforeEach(async () => {
  lines = [LINE];
  airflow = createServer(({ url = '/' }, response) => {
    const isLog = LOG_PATH.test(url);
    response.writeHead(200, { 'content-type': isLog ? 'application/x-ndjson' : 'application/json' });
    response.end((isLog ? lines : [ANSWERS[url]]).map((line) => `${JSON.stringify(line)}\n`).join(''));
  });
  airflow.listen(0, '127.0.0.1');
  await once(airflow, 'listening');
  const address = `http://127.0.0.1:${(airflow.address() as AddressInfo).port}`;
  wire = await HttpWire.start(address, (verb) => (verb === 'logs' ? { method: 'GET', path: LOG_PATH } : undefined));
  const options = { url: wire.url, credentials: { kind: 'token', token: 'a token' }, dedupeHorizonMs: 0 } as const;
  adapter = airflowAdapter(options, { installationId: INSTALLATION_ID });
});

afterEach(async () => {
  await adapter.close();
  await wire.close();
  airflow.close();
});

test('a log is read after every shape of a broken one, more of them than there are connections', async () => {
  for (const shape of BROKEN_SHAPES) {
    wire.break('logs', { fault: 'garble', shape });
    const error = await adapter.logs(REQUEST, callContext(DEADLINE_MS)).catch((thrown: unknown) => thrown);
    // Each is answered at once: a time-out would be the wait for a connection.
    expect({ shape, error }).toMatchObject({ shape, error: { name: 'EngineError', code: 'unknown' } });
    await wire.heal();
  }
  expect(await textOf(await adapter.logs(REQUEST, callContext(DEADLINE_MS)))).toBe('a line\n');
});

test('an entry that is too long to be read is cut and marked, and hides none after it', async () => {
  lines = [LINE, { ...LINE, event: 'x'.repeat(9 * 1_048_576) }, LINE];
  expect(await textOf(await adapter.logs(REQUEST, callContext(DEADLINE_MS)))).toBe('a line\n [cut]\na line\n');
});

test('a cursor can stand in an address and in a header', async () => {
  const { nextCursor = '' } = await adapter.logs({ ...REQUEST, limitBytes: 5 }, callContext(DEADLINE_MS));
  expect(nextCursor).toMatch(/^[\x21-\x7e]+$/);
});

test.each([
  { reason: 'Airflow cannot read it any more', of: LOST, source: 'none' },
  { reason: 'Airflow reads it, by a detour', of: [...LOST.slice(0, 2), LINE], source: 'archived' },
  { reason: 'the task wrote nothing', of: [LOST[0] ?? {}, LOST[2] ?? {}], source: 'archived' },
])('a log is gone or not: $reason', async ({ of, source }) => {
  lines = of;
  const page = await adapter.logs(REQUEST, callContext(DEADLINE_MS));
  expect(page).toMatchObject({
    source,
    ...(source === 'none' ? { reason: expect.stringMatching(/Could not read/) } : {}),
  });
});

/** Of Airflow 2.11.2; hosts aside. */
test.each([
  { line: 'worker', of: 'source' },
  { line: ' INFO - ::group::Log message source details', of: 'source' },
  { line: '*** Could not read served logs: refused', of: 'Could not read served logs: refused' },
  { line: ' INFO - ::endgroup::', of: 'source' },
  { line: '', of: 'source' },
  { line: '[2026-11-28T17:40:32.000+0000] {subprocess.py:93} INFO - *** stars of a task', of: 'log' },
  { line: 'second line of an entry', of: 'log' },
])('Airflow 2 says of itself or of the task: $line', ({ line, of }) => {
  const source = airflow2().logSource(line);
  expect(source).toBe(of === 'log' ? undefined : of === 'source' ? line : of);
});
