/** How fast a backlog reaches an engine that takes 30 ms a call, 16 calls at a time; the floor is a loop that only calls. */
import { Agent, request } from 'node:http';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
import { controlScriptedEngine } from '../support/scripted-engine/scripted-engine-control.js';
import { startScriptedEngineProcess, startScriptedService } from '../support/service-process.js';
import { until } from '../support/until.js';
import { startBenchDatabase, type BenchDatabase } from './bench-database.js';
import { seedBacklog, seedScriptedWorkflow, workFolder } from './engine-work.js';
import { median, type Figure } from './figure.js';
import { MachineProbe } from './machine-probe.js';

const CALL_MS = 30;
const IN_FLIGHT = 16;
/** Some twelve seconds: in the first of them a new process is still slow. */
const BACKLOG = 6_000;

export async function dispatchFigure(rounds: number): Promise<Figure> {
  const own = await startBenchDatabase();
  try {
    const workflowId = await seedScriptedWorkflow(own.database);
    const probe = new MachineProbe([own.pid]);
    const product: number[] = [];
    const floor: number[] = [];
    for (let round = 0; round < rounds; round++) {
      product.push(await submitsPerSecond((url) => dispatch(own, workflowId, url)));
      await own.database.query({ text: 'TRUNCATE workflow_runs CASCADE' });
      floor.push(await submitsPerSecond(callInALoop));
    }
    const value = median(product);
    return {
      figure: 'dispatch',
      unit: 'runs/s',
      value,
      floor: median(floor),
      ratio: value / median(floor),
      goal: { of: 'value', at: 'least', is: 500 },
      details: {
        call_ms: CALL_MS,
        in_flight: IN_FLIGHT,
        backlog: BACKLOG,
        rounds: product.map((one, index) => [Math.round(one), Math.round(floor[index] ?? 0)]),
      },
      machine: probe.report(),
    };
  } finally {
    await own.stop();
  }
}

/** Lets `submit` bring the backlog to a new engine; executions a second as its journal says, without beginning and end. */
async function submitsPerSecond(submit: (engineUrl: string) => Promise<() => Promise<unknown>>): Promise<number> {
  const engine = await startScriptedEngineProcess();
  try {
    const control = controlScriptedEngine(engine.controlUrl);
    await control.addRule({ effect: { do: 'delay', ms: CALL_MS } });
    const stop = await submit(engine.url);
    try {
      await until(
        async () => (await control.calls()).submit ?? 0,
        (calls) => calls >= BACKLOG,
        60_000,
      );
    } finally {
      await stop();
    }
    const at = (await control.journal({ verb: 'submit' })).map((entry) => entry.at);
    const from = Math.floor(at.length * 0.1);
    const to = Math.floor(at.length * 0.9);
    return ((to - from) * 1000) / ((at[to] ?? 0) - (at[from] ?? 0));
  } finally {
    await engine.stop();
  }
}

async function dispatch(own: BenchDatabase, workflowId: number, engineUrl: string): Promise<() => Promise<void>> {
  const folder = await workFolder(own.url, engineUrl);
  await seedBacklog(own.database, workflowId, BACKLOG);
  const worker = await startScriptedService('worker', { ...folder.env, ENGINE_SLOTS: String(IN_FLIGHT) });
  return async () => {
    await worker.kill();
    await folder.remove();
  };
}

async function callInALoop(engineUrl: string): Promise<() => Promise<void>> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  let left = BACKLOG;
  const loops = Array.from({ length: IN_FLIGHT }, async () => {
    while (left-- > 0) await call(engineUrl, agent);
  });
  return async () => {
    await Promise.all(loops);
    agent.destroy();
  };
}

function call(engineUrl: string, agent: Agent): Promise<void> {
  const key = runKey(newRunToken(), 1);
  const body = {
    key,
    marker: {},
    definition: 'floor',
    script: '{"tasks":[]}',
    parameters: {},
    labels: [],
    run_id: '0',
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL('/executions', engineUrl), { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}
