/** B: PostgreSQL itself is killed; a cluster of this file's own. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { MIGRATIONS } from '../../src/migrations.js';
import { migrate } from '../../src/platform/migrator.js';
import { Api } from '../support/api.js';
import { CarefulLoad } from '../support/careful-load.js';
import { check, describeViolations } from '../support/checker.js';
import { openTestDatabase } from '../support/database.js';
import { PostgresServer } from '../support/postgres-server.js';
import { startScriptedEngine, type ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { serviceEnvironment, type ServiceEnvironment } from '../support/service-environment.js';
import { startScriptedService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { form } from './form.js';

const KILLS = form(3, 10);
const BETWEEN_MS = form(700, 20_000);
/**
 * A killed process loses nothing that it has written, synced or not: only a machine that stops does. On a busy disk the
 * recovery's sync of every file is most of the time this test takes.
 */
const SETTINGS = form(['fsync=off'], []);

let postgres: PostgresServer;
let engine: ScriptedEngine;
let environment: ServiceEnvironment;
let server: ServiceProcess;

beforeAll(async () => {
  [postgres, engine] = await Promise.all([PostgresServer.start({ settings: SETTINGS }), startScriptedEngine()]);
  await migrate(postgres.url, MIGRATIONS);
  environment = await serviceEnvironment(postgres.url, { se: engine.url }, { PORT: '0', LOG_LEVEL: 'fatal' });
  server = await startScriptedService('server', environment.env);
});
afterAll(async () => {
  await server.kill();
  await engine.close();
  await postgres.remove();
  await environment.remove();
});

test(`F11: PostgreSQL killed ${KILLS} times under load loses no run that was answered 201`, async () => {
  const api = new Api(server.url);
  const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
  const body = { title: 'at-once', workflow_engine: 'se', definition_format: 'native', definition };
  expect((await api.post('/workflows', body)).status).toBe(201);
  const load = new CarefulLoad(() => api, 'f11', { errors: () => server.errors() });
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(BETWEEN_MS);
    await load.answered(20);
    await postgres.kill();
    await postgres.start();
  }
  await load.answered(20);
  await load.end();
  const { created } = load;

  const { database, drop } = openTestDatabase(postgres.url);
  const open = async (): Promise<number> => {
    const { rows } = await database.query<{ open: number }>({
      text: 'SELECT count(*) AS open FROM workflow_runs WHERE finished_at IS NULL',
    });
    return rows[0]?.open ?? 0;
  };
  await until(open, (count) => count === 0, 60_000);
  const witness = { journal: engine.controls.journal(), created: engine.controls.created() };
  const violations = await check(database, { created }, witness, { cancelGraceMs: 5_000 });
  expect(describeViolations(violations)).toBe('');
  expect(new Set(created).size).toBe(created.length);
  await drop();
}, 600_000);
