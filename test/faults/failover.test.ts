/** B: a primary, a standby that streams from it, and a service that knows one address. */
import { afterEach, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIGRATIONS } from '../../src/migrations.js';
import { migrate } from '../../src/platform/migrator.js';
import { Api } from '../support/api.js';
import { CarefulLoad } from '../support/careful-load.js';
import { check, describeViolations, type Violation } from '../support/checker.js';
import { openTestDatabase } from '../support/database.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { PostgresServer } from '../support/postgres-server.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { serviceEnvironment, type ServiceEnvironment } from '../support/service-environment.js';
import { spawnScriptedService, startScriptedService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { form } from './form.js';

/** Longer than any test here takes: what is not applied by then is not applied by itself. */
const LAG = '10min';
/** A killed process loses nothing it has written; only the recovery is shorter. */
const SETTINGS = ['fsync=off'];

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.close();
  pair = undefined;
});

test('F16: a server in recovery is refused at start, whatever the role', async () => {
  pair = await Pair.start({ standby: [] });
  const env = { ...pair.env, DATABASE_URL: pair.standby.url };
  for (const role of ['server', 'worker'] as const) {
    const refused = spawnScriptedService(role, env);
    expect([await refused.exited, refused.errors()]).toEqual([
      3,
      `The database at ${new URL(pair.standby.url).host} is a standby, which only answers reads: DATABASE_URL has to lead to the primary.\n`,
    ]);
  }
}, 600_000);

test('F16: no state goes backwards when the address leads to a standby that lags', async () => {
  pair = await Pair.start({ standby: [`recovery_min_apply_delay=${LAG}`] });
  const service = await pair.service();
  const api = new Api(service.url);
  await pair.store(api);
  const { body } = await api.post('/workflow-runs', { workflow: { title: 'at-once' } });
  const state = async (): Promise<string> => (await api.get(`/workflow-runs/${body.id}`)).body.state;
  await until(state, (now) => now === 'COMPLETED');
  // The standby would answer, and answer something else.
  expect(await pair.standby.ask(`SELECT state FROM workflow_runs WHERE id = ${body.id}`)).toEqual([]);

  pair.leadTo(pair.standby);
  const seen = new Set<string>();
  for (let ask = 0; ask < 40; ask++) {
    const answer = await api.get(`/workflow-runs/${body.id}`);
    seen.add(`${answer.status} ${answer.status === 200 ? answer.body.state : answer.body['code']}`);
    const made = await api.post('/workflow-runs', { workflow: { title: 'at-once' } }, { key: `f16-${ask}` });
    expect([made.status, made.body['code']]).toEqual([503, 'database-unavailable']);
    await sleep(25);
  }
  expect([...seen]).toEqual(['503 database-unavailable']);
  const unready = { status: 'not-ready', reason: 'the database is a standby, which only answers reads' };
  expect(await ask(`${service.url}/readyz`)).toEqual([503, unready]);
  expect(await ask(`${service.url}/livez`)).toEqual([200, { status: 'ok' }]);

  pair.leadTo(pair.primary);
  await until(
    () => ask(`${service.url}/readyz`),
    ([status]) => status === 200,
  );
  expect(await state()).toBe('COMPLETED');
}, 600_000);

test('F12: with synchronous replication a failover loses no run that was answered 201', async () => {
  pair = await Pair.start({ standby: [] });
  await pair.primary.ask(`ALTER SYSTEM SET synchronous_standby_names = 'standby'`);
  await pair.primary.ask('SELECT pg_reload_conf()');
  const service = await pair.service();
  const api = new Api(service.url);
  await pair.store(api);
  const load = new CarefulLoad(() => api, 'f12', { errors: () => service.errors() });
  await load.answered(form(40, 400));

  // Cut off first: what the primary then holds alone must not be answered.
  await pair.replication.down();
  await until(
    () => standbysOf(pair?.primary),
    (count) => count === 0,
  );
  const inFlight = await quiet(() => load.created.length);
  expect(await inSyncWait(pair.primary)).toBeGreaterThan(0);
  expect(load.created.length).toBe(inFlight);
  await pair.primary.kill();
  pair.leadTo(pair.standby);
  await pair.standby.promote();

  await load.answered(form(40, 400));
  await load.end();
  const violations = await pair.violations(pair.standby, load.created);
  expect(describeViolations(violations)).toBe('');
  expect(new Set(load.created).size).toBe(load.created.length);
}, 600_000);

test('F12: with asynchronous replication every lost run, and every execution left without a row, is named', async () => {
  pair = await Pair.start({ standby: [] });
  const service = await pair.service();
  const api = new Api(service.url);
  await pair.store(api);
  const kept = new CarefulLoad(() => api, 'f12-kept');
  await kept.answered(form(20, 200));
  await kept.end();
  await pair.untilNoneOpen(pair.primary);
  await pair.primary.isCaughtUpBy(pair.standby);

  await pair.replication.down();
  const lost = new CarefulLoad(() => api, 'f12-lost');
  await lost.answered(form(10, 100));
  await lost.end();
  await pair.untilNoneOpen(pair.primary);
  const keys = await pair.keysOf(pair.primary, lost.created);
  expect(keys).toHaveLength(lost.created.length);
  await pair.primary.kill();
  await pair.standby.promote();

  const found = await pair.violations(pair.standby, [...kept.created, ...lost.created]);
  const orphans = keys.map((key) => `I2 the engine executes ${key}, which no run has`);
  const missing = lost.created.map((id) => `I1 ${id} was answered 201 and has no row`);
  expect(told(found)).toEqual([...missing, ...orphans].sort());

  // What was lost stays lost; all that comes after is whole, although ids are given out again.
  pair.leadTo(pair.standby);
  const after = new CarefulLoad(() => api, 'f12-after', { errors: () => service.errors() });
  await after.answered(form(20, 200));
  await after.end();
  expect(told(await pair.violations(pair.standby, [...kept.created, ...after.created]))).toEqual(orphans.sort());
}, 600_000);

async function ask(url: string): Promise<[status: number, body: unknown]> {
  const answer = await fetch(url);
  return [answer.status, await answer.json()];
}

function told(violations: Violation[]): string[] {
  return violations.map(({ invariant, run, what }) => [invariant, run, what].filter(Boolean).join(' ')).sort();
}

async function inSyncWait(server: PostgresServer | undefined): Promise<number> {
  const rows = await server?.ask(`SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
  return rows?.length ?? 0;
}

async function standbysOf(server: PostgresServer | undefined): Promise<number> {
  const rows = await server?.ask('SELECT pid FROM pg_stat_replication');
  return rows?.length ?? 0;
}

/** What a count stands at once it has stood for a whole second: the answers that were on their way have come. */
async function quiet(count: () => number): Promise<number> {
  let since = { at: Date.now(), count: count() };
  await until(
    async () => {
      if (count() !== since.count) since = { at: Date.now(), count: count() };
      return Date.now() - since.at;
    },
    (stoodMs) => stoodMs >= 1_000,
    10_000,
  );
  return since.count;
}

/** Both servers, the proxies before the primary's replication and before the service's database, and an engine. */
class Pair {
  private readonly services: ServiceProcess[] = [];

  private constructor(
    readonly primary: PostgresServer,
    readonly standby: PostgresServer,
    readonly replication: FaultProxy,
    /** The one address the service knows. */
    private readonly address: FaultProxy,
    private readonly engine: ScriptedEngine,
    private readonly environment: ServiceEnvironment,
  ) {}

  static async start(options: { standby: string[] }): Promise<Pair> {
    const [primary, engine] = await Promise.all([PostgresServer.start({ settings: SETTINGS }), startScriptedEngine()]);
    await migrate(primary.url, MIGRATIONS);
    const [replication, address] = await Promise.all([FaultProxy.start(primary.url), FaultProxy.start(primary.url)]);
    const standby = await primary.standby({
      name: 'standby',
      primaryUrl: replication.through(primary.url),
      settings: [...SETTINGS, ...options.standby],
    });
    const environment = await serviceEnvironment(
      address.through(primary.url),
      { se: engine.url },
      { PORT: '0', LOG_LEVEL: 'fatal' },
    );
    return new Pair(primary, standby, replication, address, engine, environment);
  }

  get env(): Record<string, string> {
    return this.environment.env;
  }

  async service(): Promise<ServiceProcess> {
    const service = await startScriptedService('server', this.env);
    this.services.push(service);
    return service;
  }

  async store(api: Api): Promise<void> {
    const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
    const body = { title: 'at-once', workflow_engine: 'se', definition_format: 'native', definition };
    const answer = await api.post('/workflows', body);
    if (answer.status !== 201) throw new Error(answer.text);
  }

  /** Every connection ends, and the next ones lead to `server`. */
  leadTo(server: PostgresServer): void {
    this.address.target = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
    this.address.cut();
  }

  /** The rows say what is held up, should something be. */
  async untilNoneOpen(server: PostgresServer): Promise<void> {
    await until(
      () =>
        server.ask(`SELECT id, state, state_reason, outcome, lookups, attempted_at, next_action_at, now(), failures, last_error
                    FROM workflow_runs JOIN workflow_executions ON workflow_run_id = id
                    WHERE finished_at IS NULL`),
      (rows) => rows.length === 0,
      180_000,
    );
  }

  async keysOf(server: PostgresServer, ids: number[]): Promise<string[]> {
    const rows = await server.ask<{ key: string }>(
      `SELECT key FROM workflow_executions WHERE workflow_run_id IN (${ids.join(', ')})`,
    );
    return rows.map((row) => row.key);
  }

  /** What the checker finds once nothing is open on `server`. */
  async violations(server: PostgresServer, created: number[]): Promise<Violation[]> {
    await this.untilNoneOpen(server);
    const { database, drop } = openTestDatabase(server.url);
    try {
      const witness = { journal: this.engine.controls.journal(), created: this.engine.controls.created() };
      return await check(database, { created }, witness, { cancelGraceMs: 5_000, expectedDrift: ['orphan'] });
    } finally {
      await drop();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
    await this.engine.close();
    await this.address.close();
    await this.standby.remove();
    await this.replication.close();
    await this.primary.remove();
    await this.environment.remove();
  }
}
