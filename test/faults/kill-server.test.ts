import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from '../support/api.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { diamond, DIAMOND_TASKS, readJournal } from '../scenarios/diamond.js';

const RUNS = Number(process.env['RUNS'] ?? 100);
const KILLS = Number(process.env['KILLS'] ?? 20);
const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);

let database: TestDatabase;
let folder: string;
let env: Record<string, string>;
let service: ServiceProcess;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-kill-'));
  env = {
    DATABASE_URL: database.url,
    DATA_DIR: join(folder, 'data'),
    PORT: String(await freePort()),
    LOG_LEVEL: 'error',
  };
  service = await startService('server', env);
});
afterAll(async () => {
  await service.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test(`kill -9 of the server ${KILLS} times while ${RUNS} runs are accepted: every task and attempt executed exactly once`, async () => {
  process.stdout.write(`SEED=${SEED}\n`);
  const random = randomFrom(SEED);
  const journal = join(folder, 'journal');
  const api = new Api(`http://127.0.0.1:${env['PORT'] ?? ''}`);
  const body = {
    workflow_engine: 'local',
    definition_format: 'signalbox/v1',
    definition: diamond('killed', 'sleep 0.1'),
  };
  expect((await api.post('/workflows', body)).status).toBe(201);

  let kills = 0;
  let accepted = 0;
  const killing = (async () => {
    for (; kills < KILLS; kills++) {
      await sleep(150 + random() * 1_500);
      await service.kill();
      service = await startService('server', env);
    }
  })();
  const ids = new Set<number>();
  const posting = (async () => {
    for (let run = 0; run < RUNS; run++) {
      ids.add(await postUntilAnswered(api, { workflow: { title: 'killed' }, parameters: { journal } }, `run-${run}`));
      accepted += 1;
      // The kills meet the whole of it, not its beginning.
      while (accepted / RUNS > (kills + 1) / KILLS) await sleep(50);
    }
  })();
  await Promise.all([killing, posting]);
  expect(ids.size).toBe(RUNS);

  const open = async (): Promise<number> => {
    const { rows } = await database.database.query<{ open: number }>({
      text: 'SELECT count(*) AS open FROM workflow_runs WHERE finished_at IS NULL',
    });
    return rows[0]?.open ?? RUNS;
  };
  await until(open, (count) => count === 0, 240_000);

  const { rows } = await database.database.query<{ state: string; failure: string | null; runs: number }>({
    text: `SELECT state, failure->>'code' AS failure, min(failure->>'message') AS message, count(*) AS runs
           FROM workflow_runs GROUP BY 1, 2`,
  });
  expect(rows).toEqual([{ state: 'COMPLETED', failure: null, message: null, runs: RUNS }]);
  const begun = readJournal(await readFile(journal, 'utf8'))
    .filter((line) => line.word === 'begin')
    .map((line) => `${line.run} ${line.task} ${line.attempt}`);
  expect(begun.filter((line, index) => begun.indexOf(line) !== index)).toEqual([]);
  const tasks = Object.keys(DIAMOND_TASKS);
  expect([...new Set(begun.map((line) => line.split(' ').slice(0, 2).join(' ')))].sort()).toEqual(
    [...ids].flatMap((id) => tasks.map((task) => `${id} ${task}`)).sort(),
  );
  const { rows: doubled } = await database.database.query({
    text: `SELECT workflow_run_id FROM workflow_executions GROUP BY workflow_run_id HAVING count(*) <> 1`,
  });
  expect(doubled).toEqual([]);
  process.stdout.write(
    `${kills} kills, ${RUNS} runs, ${begun.length} attempts of ${RUNS * tasks.length} tasks, each executed once\n`,
  );
}, 600_000);

/** The client of a service that dies: the same key until there is an answer. */
async function postUntilAnswered(api: Api, body: object, key: string): Promise<number> {
  for (;;) {
    const answer = await api.post('/workflow-runs', body, { key }).catch(() => undefined);
    if (answer?.status === 201) return answer.body.id;
    if (answer && answer.status !== 409 && answer.status < 500) throw new Error(`${answer.status} ${answer.text}`);
    await sleep(50);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** A linear congruential generator: the same seed kills at the same moments. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
