/** Everything of one machine dies at once, again and again: the server with its PostgreSQL, and now and then the supervisors. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.js';
import { freePort } from '../../src/platform/postgres-programs.js';
import { Api } from '../support/api.js';
import { check, describeViolations } from '../support/checker.js';
import { openTestDatabase } from '../support/database.js';
import { childrenOf, killAll } from '../support/process-children.js';
import { seededRandom } from '../support/seeded-random.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { checkTasks, localExecutions } from '../chaos/local-witness.js';
import { readJournal } from '../scenarios/diamond.js';
import { form } from './form.js';

const run = promisify(execFile);
const KILLS = Number(process.env['KILLS'] ?? form(3, 50));
const RUNS = Number(process.env['RUNS'] ?? form(9, 150));
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);
/** Every so many rounds the supervisors die too, and with them the attempts they watch. */
const WITH_SUPERVISORS = 3;
const TASKS = { first: [], left: ['first'], right: ['first'] };

let folder: string;
let dataDirectory: string;
let journal: string;
let env: Record<string, string>;
let server: ServiceProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-kill-'));
  dataDirectory = join(folder, 'data');
  journal = join(folder, 'journal');
  env = { DATA_DIR: dataDirectory, PORT: String(await freePort()), LOG_LEVEL: 'error' };
  server = await startService('server', env);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  const cluster = await clusterDirectory();
  await rm(folder, { recursive: true, force: true });
  await rm(cluster, { recursive: true, force: true });
});

test(`server and PostgreSQL killed ${KILLS} times: no run is lost, no attempt is executed twice`, async () => {
  process.stdout.write(`SEED=${SEED}\n`);
  const random = seededRandom(SEED);
  const api = new Api(`http://127.0.0.1:${env['PORT'] ?? ''}`);
  expect((await api.post('/workflows', workflow())).status).toBe(201);
  const created = new Set<number>();
  let kills = 0;
  let supervisors = 0;
  let over = false;
  const killing = (async () => {
    for (; kills < KILLS; kills++) {
      await sleep(200 + random() * 1_800);
      const isThorough = kills % WITH_SUPERVISORS === WITH_SUPERVISORS - 1;
      supervisors += await killEverything(isThorough);
      server = await startService('server', env);
    }
  })().finally(() => (over = true));
  const posting = (async () => {
    for (let index = 0; index < RUNS; index++) {
      // The kills meet the whole of it, not its beginning.
      while (!over && index / RUNS > (kills + 1) / KILLS) await sleep(50);
      created.add(await postUntilAnswered(api, `run-${index}`));
    }
  })();
  await Promise.all([killing, posting]);
  expect(created.size).toBe(RUNS);

  const shared = await startEmbeddedPostgres(dataDirectory, { share: true });
  const { database, drop } = openTestDatabase(shared.url);
  const states = async (): Promise<{ state: string; runs: number }[]> => {
    const text = 'SELECT state, count(*) AS runs FROM workflow_runs GROUP BY 1 ORDER BY 1';
    return (await database.query<{ state: string; runs: number }>({ text })).rows;
  };
  await until(states, (found) => found.every(({ state }) => ['COMPLETED', 'FAILED'].includes(state)), 300_000);
  expect(await states()).toEqual([{ state: 'COMPLETED', runs: RUNS }]);
  const witness = { journal: [], created: await localExecutions(database) };
  const violations = await check(database, { created }, witness, { cancelGraceMs: 5_000 });
  const tasks = await checkTasks(database, journal);
  expect(describeViolations([...violations, ...tasks.violations])).toBe('');
  const { rows } = await database.query<{ state: string; count: number }>({
    text: 'SELECT state, count(*) AS count FROM signalbox_local.attempts GROUP BY 1',
  });
  await drop();
  const attempts = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  const wanted = RUNS * Object.keys(TASKS).length;
  // One success of each task, and before it nothing but attempts whose supervisor was killed.
  expect(attempts['COMPLETED']).toBe(wanted);
  const lines = readJournal(await readFile(journal, 'utf8'));
  const began = lines.filter((line) => line.word === 'begin').length;
  expect(began - wanted).toBeLessThanOrEqual(supervisors);
  process.stdout.write(
    `${kills} kills of server and PostgreSQL, ${supervisors} supervisors among them, ${RUNS} runs of ` +
      `${Object.keys(TASKS).length} tasks: ${began} attempts began, none twice; ${wanted} completed, one per task\n`,
  );
}, 3_600_000);

/** A lost attempt is followed by another only where the definition says so. */
function workflow(): object {
  const line = (word: string): string =>
    `echo ${word} "$SIGNALBOX_RUN_ID" "$SIGNALBOX_TASK" "$SIGNALBOX_ATTEMPT" 0 >> "$JOURNAL"`;
  const retry = { max: 100, delay: '0s', on: ['infra'] };
  const tasks = Object.entries(TASKS).map(([id, needs]) => [
    id,
    { needs, retry, run: `${line('begin')}\nsleep 0.3\n${line('end')}` },
  ]);
  const definition = JSON.stringify({
    apiVersion: 'signalbox/v1',
    kind: 'Workflow',
    name: 'killed',
    params: { journal: { type: 'string' } },
    env: { JOURNAL: '${{ params.journal }}' },
    tasks: Object.fromEntries(tasks) as object,
  });
  return { workflow_engine: 'local', definition_format: 'signalbox/v1', definition };
}

/** kill -9 of all there is, the database with its children; answers how many supervisors were among it. */
async function killEverything(withSupervisors: boolean): Promise<number> {
  const [line = ''] = (await readFile(join(await clusterDirectory(), 'postmaster.pid'), 'utf8')).split('\n');
  const postmaster = Number(line);
  const backends = await childrenOf(postmaster);
  const supervisors = withSupervisors ? await supervisorsHere() : [];
  const gone = server?.kill();
  const pids = [postmaster, ...backends, ...supervisors];
  killAll(pids);
  await gone;
  // Nothing of the dead is left when somebody starts it again: a postmaster that is about to end still holds its files.
  await until(
    async () => pids.filter(isThere),
    (left) => left.length === 0,
  );
  return supervisors.length;
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function supervisorsHere(): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,args=']);
  return stdout
    .split('\n')
    .filter((line) => /supervisor\S*\.m?js /.test(line) && line.includes(dataDirectory))
    .map((line) => Number(line.trim().split(/\s+/)[0]));
}

/** The embedded cluster may lie outside its data directory, where its account can reach it. */
async function clusterDirectory(): Promise<string> {
  const outside = await readFile(join(dataDirectory, 'postgres.location'), 'utf8').catch(() => undefined);
  return outside?.trim() ?? join(dataDirectory, 'postgres');
}

/** The client of a service that dies: the same key until there is an answer. */
async function postUntilAnswered(api: Api, key: string): Promise<number> {
  for (;;) {
    const body = { workflow: { title: 'killed' }, parameters: { journal } };
    const answer = await api.post('/workflow-runs', body, { key }).catch(() => undefined);
    if (answer?.status === 201) return answer.body.id;
    if (answer && answer.status !== 409 && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
    await sleep(50);
  }
}
