/** G and the whole: two of everything, behind proxies, killed and stopped while clients go on. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiAnswer } from '../support/api.js';
import { Cluster, MEMBERS, type Member } from '../support/cluster.js';
import { seededRandom } from '../support/seeded-random.js';
import { until } from '../support/until.js';
import { form } from './form.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);
const random = seededRandom(SEED);
/** Longer than a lease. */
const PAUSE_MS = 1_500;

let cluster: Cluster;
const created: number[] = [];

beforeAll(async () => {
  process.stdout.write(`SEED=${SEED}\n`);
  const members = form<readonly Member[]>(['api-1', 'worker-1', 'worker-2', 'reconcile-1'], MEMBERS);
  cluster = await Cluster.start({ members, random });
  for (const [title, task] of [
    ['at-once', { id: 'only' }],
    ['slow', { id: 'only', duration_ms: 400 }],
    ['failing-once', { id: 'only', failing_attempts: 1 }],
  ] as const) {
    const definition = JSON.stringify({ tasks: [task] });
    const body = { title, workflow_engine: 'se', definition_format: 'native', definition };
    expect((await cluster.api().post('/workflows', body)).status).toBe(201);
  }
}, 60_000);
afterAll(() => cluster.close());

test('F60: processes that freeze past their lease, in turn, double nothing and lose nothing', async () => {
  const load = startLoad('f60', form(40, 400));
  const frozen = form<readonly Member[]>(['worker-1', 'worker-2'], MEMBERS);
  for (let round = 0; round < form(2, 100); round++) {
    const { child } = cluster.member(frozen[round % frozen.length] ?? 'worker-1');
    await sleep(200 + random() * 300);
    child.kill('SIGSTOP');
    await sleep(PAUSE_MS);
    child.kill('SIGCONT');
  }
  await load;
  await until(
    () => cluster.open(),
    (count) => count === 0,
    form(60_000, 300_000),
  );
  await cluster.check({ created });
}, 3_600_000);

test('F27: answers lost on every wire while workers are killed leave each run executed once', async () => {
  cluster.apiProxy('api-1').plan({ fault: { do: 'lose-response' }, probability: 0.1 });
  cluster.proxies.engine.plan({ fault: { do: 'lose-response' }, probability: 0.1 });
  cluster.proxies.engine.plan({ fault: { do: 'drop-request' }, probability: 0.05 });
  cluster.proxies.database.plan({ fault: { do: 'lose-response' }, probability: 0.005 });
  let over = false;
  const load = startLoad('mix', form(40, 2_000)).finally(() => (over = true));
  // A death after the last request would try nothing that the deaths before it did not.
  for (let round = 0; round < form(2, 60) && !over; round++) {
    await sleep(200 + random() * 800);
    await cluster.replace(random() < 0.5 ? 'worker-1' : 'worker-2');
  }
  await load;
  cluster.apiProxy('api-1').heal();
  cluster.proxies.engine.heal();
  cluster.proxies.database.heal();
  await until(
    () => cluster.open(),
    (count) => count === 0,
    form(90_000, 300_000),
  );
  await cluster.check({ created });
}, 3_600_000);

/** A careful client: every request under its key until it is answered; some runs are cancelled or tried again. */
async function startLoad(name: string, count: number): Promise<void> {
  const titles = ['at-once', 'slow', 'failing-once'];
  for (let index = 0; index < count; index++) {
    const body = { workflow: { title: titles[index % titles.length] } };
    const { body: run } = await untilAnswered('/workflow-runs', body, `${name}-${index}`, [201]);
    created.push(run.id);
    if (index % 5 === 0) await request(run.id, 'CANCEL', `${name}-${index}-cancel`);
    if (index % 5 === 3) await request(run.id, 'RETRY', `${name}-${index}-retry`);
  }
}

/** 409 when the run is not in a state for it: then nothing was asked for. */
async function request(id: number, type: string, key: string): Promise<void> {
  await untilAnswered(`/workflow-runs/${id}/lifecycle-events`, { type }, key, [200, 202, 409]);
}

async function untilAnswered(path: string, body: object, key: string, statuses: number[]): Promise<ApiAnswer> {
  for (let repeat = 0; repeat < 500; repeat++) {
    const answer = await cluster
      .api()
      .post(path, body, { key })
      .catch(() => undefined);
    const again = answer === undefined || answer.status >= 500 || answer.text.includes('idempotency-in-progress');
    if (!again && !statuses.includes(answer.status)) throw new Error(`${answer.status} ${answer.text}`);
    if (!again) return answer;
    await sleep(30);
  }
  throw new Error(`${key} was never answered`);
}
