/** A: between a client and the API, and what a dying API leaves. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { ROLES } from '../../src/roles.js';
import { Api } from '../support/api.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { created, Stage } from '../support/stage.js';
import { until } from '../support/until.js';
import { form } from './form.js';

let stage: Stage;
/** Between the clients of this file and the API. */
let proxy: FaultProxy;
let api: Api;
const REQUEST = { workflow: { title: 'at-once' } };

beforeAll(async () => {
  stage = await Stage.start({ roles: ROLES.server, env: { REQUEST_TIMEOUT: '1s' } });
  proxy = await FaultProxy.start(stage.app.url);
  api = new Api(proxy.through(stage.app.url));
  await stage.workflow('at-once', { id: 'only' });
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await proxy.close();
  await stage.close();
});

test('F1: a request lost on its way creates nothing; its repeat makes one run', async () => {
  const before = await stage.countRuns();
  proxy.plan({ fault: { do: 'drop-request' }, times: 1 });
  await expect(api.post('/workflow-runs', REQUEST, { key: 'f1' })).rejects.toThrow();
  expect(await stage.countRuns()).toBe(before);
  created(await api.post('/workflow-runs', REQUEST, { key: 'f1' }));
  expect(await stage.countRuns()).toBe(before + 1);
});

test('F2: a 201 that is lost is answered again with the same run, which is executed once', async () => {
  const before = await stage.countRuns();
  proxy.plan({ fault: { do: 'lose-response' }, times: 1 });
  await expect(api.post('/workflow-runs', REQUEST, { key: 'f2' })).rejects.toThrow();
  const answers = [];
  for (let repeat = 0; repeat < 3; repeat++) answers.push(await api.post('/workflow-runs', REQUEST, { key: 'f2' }));
  expect(answers.map((answer) => [answer.status, answer.headers.get('idempotency-replayed')])).toEqual(
    answers.map(() => [201, 'true']),
  );
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  expect(await stage.countRuns()).toBe(before + 1);
  const run = await stage.runs.ended(answers[0]?.body.id ?? 0);
  expect(stage.executions(run.token)).toBe(1);
});

test('F3: a request that a proxy doubles, and fifty at once with one key, make one run', async () => {
  const before = await stage.countRuns();
  proxy.plan({ fault: { do: 'duplicate' }, times: 1 });
  const first = await api.post('/workflow-runs', REQUEST, { key: 'f3' });
  expect([201, 409]).toContain(first.status);
  const many = await Promise.all(
    Array.from({ length: 50 }, () => api.post('/workflow-runs', REQUEST, { key: 'f3-many' })),
  );
  const fresh = many.filter((answer) => answer.status === 201 && !answer.headers.has('idempotency-replayed'));
  expect(fresh).toHaveLength(1);
  expect(many.filter((answer) => answer.status !== 201).every((answer) => answer.status === 409)).toBe(true);
  expect(await stage.countRuns()).toBe(before + 2);
});

test('F4: the same key with another body is refused and does nothing', async () => {
  created(await api.post('/workflow-runs', REQUEST, { key: 'f4' }));
  const before = await stage.countRuns();
  const other = await api.post('/workflow-runs', { ...REQUEST, labels: [{ key: 'a', value: 'b' }] }, { key: 'f4' });
  expect([other.status, other.body.code]).toEqual([422, 'idempotency-key-reused']);
  expect(await stage.countRuns()).toBe(before);
});

test('F5: clients that send a byte a second, or leave in the middle, make no run and hold up nobody', async () => {
  const before = await stage.countRuns();
  const rounds: { alone: number; beside: number }[] = [];
  // Another process can take the machine in one round; what slow clients cost, they cost in each.
  while (rounds.length < 5 && !rounds.some(({ alone, beside }) => beside < 2 * alone)) {
    const alone = await slowestOf(50);
    const slow = Array.from({ length: form(60, 200) }, () => new SlowClient(stage.app.url));
    const leaving = Array.from({ length: 20 }, () => new SlowClient(stage.app.url));
    await Promise.all([...slow, ...leaving].map((client) => client.connected));
    for (const client of leaving) client.leave();
    rounds.push({ alone, beside: await slowestOf(50) });
    const answers = await Promise.all(slow.map((client) => client.answer));
    expect(new Set(answers.map((text) => text.split(' ')[1]))).toEqual(new Set(['408']));
  }
  const { alone = 0, beside = Infinity } = rounds.at(-1) ?? {};
  expect(beside).toBeLessThan(2 * alone);
  expect(await stage.countRuns()).toBe(before);
}, 60_000);

for (const { row, point, stored } of [
  { row: 'F6', point: 'create.after-commit', stored: true },
  { row: 'F7', point: 'create.before-commit', stored: false },
]) {
  test(`${row}: an API killed ${stored ? 'after' : 'before'} the commit leaves ${stored ? 'the run, and a repeat answers it' : 'no trace'}`, async () => {
    const doomed = await stage.process('api', { KILL_AT: point });
    const before = await stage.countRuns();
    const executed = Object.keys(stage.engine.controls.created()).length;
    await expect(new Api(doomed.url).post('/workflow-runs', REQUEST, { key: row })).rejects.toThrow();
    expect(await doomed.exited).toBe('SIGKILL');
    // A transaction whose client has died ends a moment later.
    await until(openTransactions, (count) => count === 0);
    expect(await stage.countRuns()).toBe(before + (stored ? 1 : 0));
    if (!stored) expect(Object.keys(stage.engine.controls.created())).toHaveLength(executed);
    const again = await api.post('/workflow-runs', REQUEST, { key: row });
    expect(again.headers.get('idempotency-replayed')).toBe(stored ? 'true' : null);
    const run = await stage.runs.ended(created(again).id);
    expect(stage.executions(run.token)).toBe(1);
    expect(await stage.countRuns()).toBe(before + 1);
  });
}

test('F8: a server that is told to stop under load answers what it took, and nothing it answered is lost', async () => {
  const server = await stage.process('api');
  const target = new Api(server.url);
  const ids: number[] = [];
  const statuses: number[] = [];
  const broken: string[] = [];
  let stopping = false;
  let over = false;
  const client = async (): Promise<void> => {
    while (!over) {
      try {
        // Each on a connection of its own: a kept one may be closed by the server while a request is on its way.
        const answer = await target.post('/workflow-runs', REQUEST, { headers: { connection: 'close' } });
        statuses.push(answer.status);
        if (answer.status === 201) ids.push(answer.body.id);
        // Told to come back later, it goes elsewhere: whoever connects in the moment in which nobody listens any more is reset.
        if (answer.status === 503) return;
      } catch (error) {
        const { cause } = error as { cause?: { code?: string } };
        if (cause?.code === 'ECONNREFUSED') return;
        broken.push(`${stopping ? 'stopping' : 'working'}: ${cause?.code ?? String(error)}`);
      }
    }
  };
  const clients = Array.from({ length: 16 }, client);
  await until(
    async () => ids.length,
    (count) => count > form(50, 500),
    form(20_000, 150_000),
  );
  stopping = true;
  expect(await server.stop()).toBe(0);
  over = true;
  await Promise.all(clients);
  expect(broken).toEqual([]);
  expect([...new Set(statuses)].filter((status) => status !== 201 && status !== 503)).toEqual([]);
  const { rows } = await stage.app.database.query<{ id: number }>({
    text: 'SELECT id FROM workflow_runs WHERE id = ANY($1)',
    values: [ids],
  });
  expect(rows).toHaveLength(ids.length);
}, 200_000);

test('the invariants hold after all of it', async () => {
  await until(openRuns, (count) => count === 0);
  await stage.check({ created: [], unanswered: true });
});

/** Milliseconds of the slowest of so many requests, one after the other: their 99th percentile. */
async function slowestOf(requests: number): Promise<number> {
  let slowest = 0;
  for (let request = 0; request < requests; request++) {
    const began = performance.now();
    expect((await api.get('/workflows')).status).toBe(200);
    slowest = Math.max(slowest, performance.now() - began);
  }
  return slowest;
}

async function openTransactions(): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({
    text: `SELECT count(*) AS count FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'signalbox' AND state <> 'idle'`,
  });
  return rows[0]?.count ?? 0;
}

async function openRuns(): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({
    text: 'SELECT count(*) AS count FROM workflow_runs WHERE finished_at IS NULL',
  });
  return rows[0]?.count ?? 0;
}

/** Begins a POST and sends one byte of its body a second. */
class SlowClient {
  readonly connected: Promise<void>;
  readonly answer: Promise<string>;
  private readonly socket: Socket;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.on('error', () => undefined);
    this.connected = new Promise((resolve) => this.socket.once('connect', () => resolve()));
    let text = '';
    this.socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    this.answer = new Promise((resolve) => this.socket.once('close', () => resolve(text)));
    this.socket.write(
      'POST /v1/workflow-runs HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n{',
    );
    const timer = setInterval(() => this.socket.write(' '), 1_000);
    this.socket.once('close', () => clearInterval(timer));
  }

  leave(): void {
    this.socket.resetAndDestroy();
  }
}
