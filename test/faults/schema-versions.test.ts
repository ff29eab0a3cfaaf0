/** B: processes of two versions on one database, while the newer one migrates it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { Api } from '../support/api.js';
import { CarefulLoad } from '../support/careful-load.js';
import { Stage } from '../support/stage.js';
import type { ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { form } from './form.js';

const MIGRATIONS_DIR = fileURLToPath(new URL('../../migrations', import.meta.url));
const EXPAND = `-- expand
ALTER TABLE workflow_runs ADD COLUMN priority integer NOT NULL DEFAULT 0;
ALTER TABLE workflow_executions ADD COLUMN note text;
CREATE TABLE calendars (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL);
`;
const CONTRACT = `-- contract
ALTER TABLE workflows ALTER COLUMN display_name SET DEFAULT '';
`;

let stage: Stage;
let folder: string;
const created: number[] = [];

beforeAll(async () => {
  stage = await Stage.start({ roles: { api: false, worker: false, reconcile: false } });
  folder = await mkdtemp(join(tmpdir(), 'signalbox-versions-'));
  await version('next', { '0900_expand.sql': EXPAND });
  await version('after-next', { '0900_expand.sql': EXPAND, '0901_contract.sql': CONTRACT });
});
afterAll(async () => {
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

test('F17: an older and a newer version make and drive runs together while the newer one expands the schema', async () => {
  let older = await stage.process('server');
  await store(older);
  const apis = [new Api(older.url)];
  const load = new CarefulLoad((request) => apis[request % apis.length] as Api, 'f17');
  await load.answered(form(20, 300));

  // A long transaction is in the migration's way: it steps back again and again, and holds up nobody for long.
  const holder = new pg.Client({ connectionString: stage.app.databaseUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE workflow_runs IN ROW SHARE MODE');
  const newer = stage.process('server', { MIGRATIONS_DIR: join(folder, 'next') });
  await until(waitingMigrators, (count) => count > 0, 60_000);
  await load.answered(form(20, 300));
  expect(await columns('priority')).toBe(0);
  await holder.query('COMMIT');
  await holder.end();
  apis.push(new Api((await newer).url));
  expect(await columns('priority')).toBe(1);
  await load.answered(form(40, 600));
  await becomesReady(older);
  await becomesReady(await newer);

  // The older one may even begin on the newer schema: whoever replaces processes one by one can go back.
  apis.shift();
  await load.answered(form(10, 100));
  await older.stop();
  older = await stage.process('server');
  apis.push(new Api(older.url));
  await load.answered(form(20, 300));
  await load.end();
  created.push(...load.created);
  await until(openRuns, (count) => count === 0, 60_000);
  await stage.check({ created });
  await Promise.all([older.stop(), (await newer).stop()]);
}, 600_000);

test('F17: after a contract the older version goes unready, and is refused at start', async () => {
  const older = await stage.process('server');
  await becomesReady(older);
  const newest = await stage.process('server', { MIGRATIONS_DIR: join(folder, 'after-next') });
  const reason =
    'The database has migration public/0901_contract.sql, which this version of Signalbox does not know: it belongs to a newer version.';
  await until(
    () => readiness(older),
    ([status, says]) => status === 503 && says === reason,
    60_000,
  );
  await becomesReady(newest);
  const refused = stage.spawn('server');
  expect([await refused.exited, refused.errors()]).toEqual([78, `${reason}\n`]);
  await Promise.all([older.stop(), newest.stop()]);
}, 600_000);

/** The migrations of another version: ours and further ones. */
async function version(name: string, further: Record<string, string>): Promise<void> {
  await cp(MIGRATIONS_DIR, join(folder, name), { recursive: true });
  for (const [file, sql] of Object.entries(further)) await writeFile(join(folder, name, file), sql);
}

async function store(service: ServiceProcess): Promise<void> {
  const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
  const body = { title: 'at-once', workflow_engine: 'se', definition_format: 'native', definition };
  expect((await new Api(service.url).post('/workflows', body)).status).toBe(201);
}

/** A busy machine may be late for the second that readiness gives the database. */
async function becomesReady(service: ServiceProcess): Promise<void> {
  await until(
    () => readiness(service),
    ([status]) => status === 200,
  );
}

async function readiness(service: ServiceProcess): Promise<[status: number, says: string]> {
  const answer = await fetch(`${service.url}/readyz`);
  const { status, reason } = (await answer.json()) as { status: string; reason?: string };
  return [answer.status, reason ?? status];
}

async function count(text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await stage.app.database.query<{ count: number }>({ text, values });
  return rows[0]?.count ?? 0;
}

function waitingMigrators(): Promise<number> {
  return count(`SELECT count(*) AS count FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'signalbox-migrate' AND wait_event_type = 'Lock'`);
}

function columns(name: string): Promise<number> {
  const text = `SELECT count(*) AS count FROM information_schema.columns WHERE table_name = 'workflow_runs' AND column_name = $1`;
  return count(text, [name]);
}

function openRuns(): Promise<number> {
  return count('SELECT count(*) AS count FROM workflow_runs WHERE finished_at IS NULL');
}
