import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { Api } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { diamond, DIAMOND_TASKS, readJournal } from './diamond.js';

const RUNS = 100;
const AT_ONCE = 8;

let app: TestApp;
let api: Api;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-diamonds-'));
  const entries = [{ name: 'local', kind: 'local', options: { maxTasks: AT_ONCE }, callsPerSecond: 10_000 }];
  app = await startTestApp({ engines: { kinds: ENGINE_KINDS, entries } });
  api = new Api(app.url);
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

test('a hundred diamonds, eight at a time: each task once, none before what it needs', async () => {
  const journal = join(folder, 'journal');
  const definition = diamond('diamond', ':');
  const workflow = await api.post('/workflows', {
    workflow_engine: 'local',
    definition_format: 'signalbox/v1',
    definition,
  });
  expect(workflow.status).toBe(201);
  const began = performance.now();
  const ids: number[] = [];
  let left = RUNS;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const { body } = await api.post('/workflow-runs', { workflow: { title: 'diamond' }, parameters: { journal } });
      ids.push(body.id);
      for (let state = 'PENDING'; state !== 'COMPLETED';) {
        state = (await api.get(`/workflow-runs/${body.id}/wait?until=final&timeout=60`)).body.state;
        expect(['FAILED', 'CANCELLED']).not.toContain(state);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const seconds = (performance.now() - began) / 1000;

  const lines = readJournal(await readFile(journal, 'utf8'));
  for (const id of ids) {
    const own = lines.filter((line) => line.run === String(id));
    expect(own.filter((line) => line.word === 'begin')).toHaveLength(10);
    const at = new Map(own.map((line) => [`${line.word} ${line.task}`, line.at]));
    for (const [task, needs] of Object.entries(DIAMOND_TASKS)) {
      for (const need of needs) expect(at.get(`begin ${task}`)! > at.get(`end ${need}`)!).toBe(true);
    }
    const taskRuns = (await api.get(`/workflow-runs/${id}/task-runs`)).body.items;
    expect(taskRuns).toHaveLength(10);
    expect(new Set(taskRuns.map((one) => one.state))).toEqual(new Set(['COMPLETED']));
  }
  process.stdout.write(
    `${RUNS} diamonds of 10 tasks, ${AT_ONCE} at a time: ${RUNS} COMPLETED in ${seconds.toFixed(1)} s\n`,
  );
}, 300_000);
