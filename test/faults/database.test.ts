/** B, C: between the service and PostgreSQL. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { lockKey } from '../../src/platform/idempotency-fingerprint.js';
import { ROLES } from '../../src/roles.js';
import { createRun } from '../../src/workflow-runs/create-run.js';
import { Api } from '../support/api.js';
import { carriesCommit, FaultProxy } from '../support/fault-proxy.js';
import { created, Stage } from '../support/stage.js';
import { until } from '../support/until.js';

const REQUEST = { workflow: { title: 'at-once' } };

let stage: Stage;
let atOnce: number;
/** Between the API of this file and its database. */
let proxy: FaultProxy;
let api: Api;

beforeAll(async () => {
  stage = await Stage.start({ env: { POLL_INTERVAL: '1s' } });
  atOnce = await stage.workflow('at-once', { id: 'only' });
  await stage.workflow('fails-once', { id: 'only', failing_attempts: 1 });
  proxy = await FaultProxy.start(stage.app.databaseUrl);
  api = new Api((await stage.join(ROLES.api, proxy.through(stage.app.databaseUrl))).url);
});
afterEach(() => proxy.heal());
afterAll(async () => {
  await stage.close();
  await proxy.close();
});

for (const { what, fault, key } of [
  { what: 'the answer of a COMMIT is lost', fault: { do: 'lose-response' as const }, key: 'answer' },
  { what: 'a COMMIT is lost on its way', fault: { do: 'drop-request' as const }, key: 'request' },
]) {
  for (const withKey of [true, false]) {
    test(`F10: when ${what}, the answer ${withKey ? 'under a key' : 'without a key'} says what the database says`, async () => {
      const before = await stage.countRuns();
      proxy.plan({ fault, times: 1, when: carriesCommit });
      const answer = await api.post('/workflow-runs', REQUEST, withKey ? { key } : {});
      expect(proxy.faulted).toBeGreaterThan(0);
      const { id } = created(answer);
      expect(await stage.countRuns()).toBe(before + 1);
      expect((await stage.runs.record(id)).id).toBe(id);
      if (!withKey) return;
      const again = await api.post('/workflow-runs', REQUEST, { key });
      expect([again.body.id, again.headers.get('idempotency-replayed')]).toEqual([id, 'true']);
    });
  }
}

test('F14: a request that a deadlock ended is tried once more and succeeds', async () => {
  // The request waits five seconds before it looks for a deadlock, the other one a minute: the request is the one that is ended.
  const patient = (await stage.join(ROLES.api, withDeadlockTimeout(stage.app.databaseUrl, '5s'))).url;
  // A run that has ended: no worker waits for its row too.
  const { id } = created(await api.post('/workflow-runs', { workflow: { title: 'fails-once' } }));
  expect((await stage.runs.ended(id)).state).toBe('FAILED');
  const other = new pg.Client({ connectionString: withDeadlockTimeout(stage.app.databaseUrl, '60s') });
  await other.connect();
  const deadlocks = await countDeadlocks();
  await other.query('BEGIN');
  await other.query('SELECT FROM workflow_runs WHERE id = $1 FOR UPDATE', [id]);
  const answer = new Api(patient).post(`/workflow-runs/${id}/lifecycle-events`, { type: 'RETRY' }, { key: 'f14' });
  await until(
    () => waitingUnder(lockKey('default', 'f14')),
    (count) => count === 1,
  );
  await other.query('SELECT pg_advisory_xact_lock($1::bigint)', [lockKey('default', 'f14')]);
  await other.query('COMMIT');
  await other.end();
  const { status, text } = await answer;
  expect([status, text]).toEqual([202, expect.anything()]);
  expect(await until(countDeadlocks, (count) => count > deadlocks)).toBe(deadlocks + 1);
  const { state, generation } = await stage.runs.ended(id);
  expect([state, generation]).toEqual(['COMPLETED', 2]);
});

test('F21: a run is sent within the poll interval although nobody hears that it is there', async () => {
  for (let round = 0; round < 3; round++) {
    const { rows } = await stage.app.database.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'signalbox-wake-ups'`,
    });
    expect(rows.length).toBeGreaterThan(0);
    const { id } = created(await api.post('/workflow-runs', REQUEST));
    const answered = Date.now();
    const run = await stage.runs.ended(id);
    const [submit] = stage.engine.controls.journal({ verb: 'submit', key: run.execution.key });
    expect((submit?.at ?? Infinity) - answered).toBeLessThan(2_000);
    // It listens again before it is cut off again.
    await until(listeners, (count) => count === 1);
  }
});

test('F24: a run whose row becomes visible after a later one is not passed over', async () => {
  const slow = new pg.Client({ connectionString: stage.app.databaseUrl });
  await slow.connect();
  await slow.query('BEGIN');
  const run = { project: 'default', workflowId: atOnce, parameters: {}, labels: [], staleAfterMs: 45_000 };
  await createRun({ query: async (statement) => toResult(await slow.query(statement as pg.QueryConfig)) }, run);
  const { rows } = await slow.query<{ id: number }>('SELECT max(id) AS id FROM workflow_runs');
  const first = rows[0]?.id ?? 0;
  const second = await stage.runs.startVersion(atOnce);
  expect(second).toBeGreaterThan(first);
  expect((await stage.runs.ended(second)).state).toBe('COMPLETED');
  await slow.query('COMMIT');
  await slow.end();
  expect((await stage.runs.ended(first)).state).toBe('COMPLETED');
});

test('the invariants hold after all of it', () => stage.check({ created: [], unanswered: true }));

function toResult<Row>(result: pg.QueryResult): { rows: Row[]; rowCount: number } {
  return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
}

async function count(text: string): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({ text });
  return rows[0]?.count ?? 0;
}

/** Requests that hold this lock and wait for another one. */
function waitingUnder(key: string): Promise<number> {
  return count(`SELECT count(*) AS count FROM pg_locks held JOIN pg_locks wanted USING (pid)
                WHERE held.locktype = 'advisory' AND held.granted AND NOT wanted.granted
                  AND held.classid::bigint << 32 | held.objid::bigint = ${key}`);
}

function withDeadlockTimeout(databaseUrl: string, timeout: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', `-c deadlock_timeout=${timeout}`);
  return url.href;
}

function listeners(): Promise<number> {
  return count(`SELECT count(*) AS count FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'signalbox-wake-ups' AND state = 'idle'`);
}

function countDeadlocks(): Promise<number> {
  return count('SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()');
}
