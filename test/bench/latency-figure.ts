/** From the 201 a client holds to the first byte of the submit at the engine, while nothing else happens. */
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import { startScriptedService, type ScriptedRole } from '../support/service-process.js';
import { startBenchDatabase } from './bench-database.js';
import { seedScriptedWorkflow, workFolder } from './engine-work.js';
import { percentile, type Figure } from './figure.js';
import { MachineProbe } from './machine-probe.js';
import { TITLE } from './seed-runs.js';

const SAMPLES = 200;
const PAUSE_MS = 30;

/** p50 and p99, of one process with all roles or of two processes. */
export async function latencyFigures(roles: 'server' | 'api+worker'): Promise<Figure[]> {
  const own = await startBenchDatabase();
  const engine = await startScriptedEngine();
  const relay = await startRelay(engine.url);
  const folder = await workFolder(own.url, relay.url);
  try {
    await seedScriptedWorkflow(own.database);
    const processes = await Promise.all(
      roles.split('+').map((role) => startScriptedService(role as ScriptedRole, { ...folder.env, PORT: '0' })),
    );
    try {
      const url = processes[0]?.url ?? '';
      for (let warm = 0; warm < 50; warm++) await sample(url, relay);
      const probe = new MachineProbe([own.pid]);
      const samples: number[] = [];
      for (let taken = 0; taken < SAMPLES; taken++) {
        samples.push(await sample(url, relay));
        await sleep(PAUSE_MS);
      }
      const machine = probe.report();
      const of = (figure: string, share: number, goal: number): Figure => ({
        figure: `${figure} ${roles}`,
        unit: 'ms',
        value: percentile(samples, share),
        goal: { of: 'value', at: 'most', is: goal },
        details: { samples: SAMPLES },
        machine,
      });
      return [of('latency p50', 0.5, 5), of('latency p99', 0.99, 50)];
    } finally {
      await Promise.all(processes.map((one) => one.stop()));
    }
  } finally {
    relay.server.close();
    await engine.close();
    await folder.remove();
    await own.stop();
  }
}

async function sample(url: string, relay: Relay): Promise<number> {
  const submit = relay.nextSubmit();
  const [answeredAt, arrivedAt] = await Promise.all([create(url), submit]);
  return Math.max(0, arrivedAt - answeredAt);
}

/** When the first byte of the 201 was there. */
function create(url: string): Promise<number> {
  const body = JSON.stringify({ workflow: { title: TITLE } });
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/workflow-runs`, { method: 'POST', headers }, (response) => {
      const at = performance.now();
      response.resume();
      if (response.statusCode === 201) resolve(at);
      else reject(new Error(`the run was answered ${response.statusCode}`));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

interface Relay {
  url: string;
  server: Server;
  /** When the first byte of the next submit is here. */
  nextSubmit(): Promise<number>;
}

/** Stands before the engine and looks at the clock. */
async function startRelay(engineUrl: string): Promise<Relay> {
  const { hostname, port } = new URL(engineUrl);
  let arrived: (at: number) => void = () => undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.on('data', (chunk: Buffer) => {
      if (chunk.subarray(0, 17).toString('latin1') === 'POST /executions ') arrived(performance.now());
    });
    client.pipe(upstream).pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    nextSubmit: () => new Promise((resolve) => (arrived = resolve)),
  };
}
