import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { ROLES } from '../roles.js';
import { created, Stage } from '../../test/support/stage.js';
import { until } from '../../test/support/until.js';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';
import { WakeUps } from './wake-ups.js';

/** The poll comes later than `SOON_MS`: what has arrived by then was woken for. */
const POLL = { POLL_INTERVAL: '60s', RECONCILE_INTERVAL: '1h' };
const SOON_MS = 30_000;

let stage: Stage;
let ears: pg.Client;
let heard: string[] = [];
beforeAll(async () => {
  stage = await Stage.start({ roles: ROLES.api, env: POLL });
  await stage.join({ api: false, worker: true, reconcile: false });
  await stage.workflow('woken', { id: 'only', duration_ms: 'hold' });
  ears = new pg.Client({ ...stage.app.database.pool.options });
  ears.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await ears.connect();
  await ears.query('LISTEN signalbox_due');
});
afterEach(() => {
  heard = [];
});
afterAll(async () => {
  await ears.end();
  await stage.close();
});

const untilHeard = (wanted: (messages: string[]) => boolean): Promise<string[]> =>
  until(() => Promise.resolve(heard), wanted);
/** Messages about engines that the stage has not: its own may come late. */
const ofNobody = (): string[] => heard.filter((message) => !message.startsWith('se'));
const start = (key: string): ReturnType<Stage['api']['post']> =>
  stage.api.post('/workflow-runs', { workflow: { title: 'woken' } }, { key });

test('a run that one process accepts is submitted by another before it polls', async () => {
  // The first look of a worker is at its start; the second run is nobody's but the wake-up's.
  for (const which of ['first', 'second']) {
    const began = performance.now();
    const { id } = created(await start(which));
    const run = await stage.runs.reaches(id, 'SCHEDULED', 'RUNNING');
    expect(run.execution.outcome).toBe('known');
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    await untilHeard((messages) => messages.includes(`${run.workflowEngine} ${id}`));
  }
});

test('runs that are accepted together are all submitted', async () => {
  const began = performance.now();
  for (const answer of await Promise.all(Array.from({ length: 20 }, (_, which) => start(`together-${which}`)))) {
    expect((await stage.runs.reaches(created(answer).id, 'SCHEDULED', 'RUNNING')).execution.outcome).toBe('known');
  }
  expect(performance.now() - began).toBeLessThan(SOON_MS);
});

test.each<{ reason: string; told: [string, number?][]; messages: string[] }>([
  { reason: 'one new run by its id', told: [['e', 1]], messages: ['e 1'] },
  { reason: 'what is not new without one', told: [['e']], messages: ['e'] },
  {
    reason: 'several new runs once, without ids',
    told: [
      ['e', 1],
      ['e', 2],
    ],
    messages: ['e'],
  },
  { reason: 'a new run and a wish once, without an id', told: [['e', 1], ['e']], messages: ['e'] },
  {
    reason: 'each engine by itself',
    told: [
      ['e', 1],
      ['f', 2],
    ],
    messages: ['e 1', 'f 2'],
  },
])('other processes are told $reason', async ({ told, messages }) => {
  const wakeUps = new WakeUps(stage.app.database, new Log({ level: 'silent' }));
  for (const one of told) wakeUps.wake(...one);
  const seen = await untilHeard(() => ofNobody().length >= messages.length).then(ofNobody);
  expect(seen.sort()).toEqual(messages);
  await wakeUps.close();
});

test('of a stream of runs other processes are told now and then', async () => {
  const wakeUps = new WakeUps(stage.app.database, new Log({ level: 'silent' }));
  const began = performance.now();
  while (performance.now() - began < 500) {
    // Never alone, however late a timer is.
    wakeUps.wake('e', 1);
    wakeUps.wake('e', 2);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  wakeUps.wake('last');
  await wakeUps.close();
  const tookMs = performance.now() - began;
  await untilHeard((messages) => messages.includes('last'));
  // The first, then one every 25 ms, and what was left.
  expect(ofNobody().filter((message) => message !== 'last').length).toBeLessThanOrEqual(2 + tookMs / 25);
});

test('what was not told yet is told before the end', async () => {
  const { databaseUrl } = stage.app;
  const database = new Database({ url: databaseUrl, max: 1, acquireTimeoutMs: 10_000, applicationName: 'wakes' });
  const wakeUps = new WakeUps(database, new Log({ level: 'silent' }));
  wakeUps.wake('e', 1);
  await wakeUps.close();
  await database.close();
  await untilHeard(() => ofNobody().length > 0);
  expect(ofNobody()).toEqual(['e 1']);
});
