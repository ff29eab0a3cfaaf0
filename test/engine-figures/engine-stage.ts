/** The built service as two processes, api and worker, on a database of its own and a real engine behind a proxy. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunState } from '../../src/lifecycle/run-state.js';
import type { Database } from '../../src/platform/database.js';
import { freePort } from '../../src/platform/postgres-programs.js';
import { startBenchDatabase } from '../bench/bench-database.js';
import { Api, type Body } from '../support/api.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { startService, type ServiceProcess } from '../support/service-process.js';
import { until } from '../support/until.js';
import { installationOf, type RealEngine } from '../real-engines/real-engine.js';

export const ROLES = ['api', 'worker'] as const;
export type StageRole = (typeof ROLES)[number];

export interface StageRun {
  id: number;
  state: RunState;
  externalId: string | null;
  /** Of its failure. */
  code: string | null;
}

const REGISTERED_MS = 180_000;

export class EngineStage {
  private readonly processes = new Map<StageRole, ServiceProcess>();

  private constructor(
    readonly engine: RealEngine,
    readonly database: Database,
    /** Between the service and the engine. */
    readonly proxy: FaultProxy,
    readonly api: Api,
    /** What its processes are started with. */
    readonly serviceEnv: Record<string, string>,
    private readonly takeAway: () => Promise<void>,
  ) {}

  /** `random` is the proxy's. */
  static async start(engine: RealEngine, random: () => number = Math.random): Promise<EngineStage> {
    const own = await startBenchDatabase();
    const proxy = await FaultProxy.start(engine.url, random);
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-figures-'));
    const file = join(folder, 'engines.yaml');
    const options = engine.options(proxy.through(engine.url));
    const entry = { name: engine.name, kind: engine.kind, options, callsPerSecond: 200 };
    await writeFile(file, JSON.stringify({ engines: [entry] }));
    const port = await freePort();
    const serviceEnv = {
      DATABASE_URL: own.url,
      DATA_DIR: join(folder, 'data'),
      ENGINES_FILE: file,
      LOG_LEVEL: 'error',
      RECONCILE_INTERVAL: '2s',
      PORT: String(port),
    };
    const stage = new EngineStage(
      engine,
      own.database,
      proxy,
      new Api(`http://127.0.0.1:${port}`),
      serviceEnv,
      async () => {
        await proxy.close();
        await own.stop();
        await rm(folder, { recursive: true, force: true });
        await engine.close();
      },
    );
    for (const role of ROLES) await stage.begin(role);
    return stage;
  }

  process(role: StageRole): ServiceProcess {
    const found = this.processes.get(role);
    if (!found) throw new Error(`there is no ${role}`);
    return found;
  }

  /** kill -9, and starts it again at the same address. */
  async replace(role: StageRole): Promise<void> {
    await this.process(role).kill();
    await this.begin(role);
  }

  /** Stores a workflow and waits until the engine has taken it in. */
  async store(title: string, format: string, definition: string): Promise<void> {
    const body = { title, workflow_engine: this.engine.name, definition_format: format, definition };
    const answer = await this.api.post('/workflows', body);
    if (answer.status !== 201) throw new Error(`the workflow was answered ${answer.status}: ${answer.text}`);
    await until(
      async () => (await this.api.get(`/workflows/${encodeURIComponent(title)}/1`)).body,
      (workflow) => workflow['registration']?.state === 'READY',
      REGISTERED_MS,
    );
  }

  /** A portable workflow of one task. */
  storeTask(title: string, task: Record<string, unknown>): Promise<void> {
    const tasks = { only: { ...this.engine.task, ...task } };
    return this.store(
      title,
      'signalbox/v1',
      JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name: title, tasks }),
    );
  }

  async startRun(title: string): Promise<number> {
    const answer = await this.api.post('/workflow-runs', { workflow: { title } });
    if (answer.status !== 201) throw new Error(`a run was answered ${answer.status}: ${answer.text}`);
    return answer.body.id;
  }

  /** The run once it is in the state. */
  reaches(id: number, state: string, ms: number): Promise<Body> {
    return until(
      async () => (await this.api.get(`/workflow-runs/${id}`)).body,
      (run) => run.state === state,
      ms,
    );
  }

  /** Of all runs, as the record has them. */
  async runs(): Promise<StageRun[]> {
    const { rows } = await this.database.query<StageRun>({
      text: `SELECT r.id, r.state, x.external_id AS "externalId", r.failure->>'code' AS code FROM workflow_runs r
             JOIN workflow_executions x ON x.workflow_run_id = r.id AND x.generation = r.generation ORDER BY r.id`,
    });
    return rows;
  }

  async close(): Promise<void> {
    for (const one of this.processes.values()) await one.kill();
    try {
      await this.engine.removeAllOf(await installationOf(this.database));
    } finally {
      await this.takeAway();
    }
  }

  private async begin(role: StageRole): Promise<void> {
    this.processes.set(
      role,
      await startService(role, role === 'api' ? this.serviceEnv : { ...this.serviceEnv, PORT: '0' }),
    );
  }
}
