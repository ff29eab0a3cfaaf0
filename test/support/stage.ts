import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import { ROLES, type Roles } from '../../src/roles.js';
import { Api, type Body } from './api.js';
import { startTestApp, type TestApp } from './app.js';
import { check, describeViolations, type CheckOptions, type Told } from './checker.js';
import { CoreRuns } from './core-runs.js';
import type { ScriptedTask, ScriptedWorkflow } from './scripted-engine/scripted-workflow.js';
import { startScriptedEngine, type ScriptedEngine } from './scripted-engine/scripted-engine-server.js';
import { scriptedEngineKind } from './scripted-engine/scripted-engine.engine-kind.js';
import { QUICK_TIMES, serviceEnvironment, type ServiceEnvironment } from './service-environment.js';
import {
  spawnScriptedService,
  startScriptedService,
  type ScriptedRole,
  type ServiceProcess,
  type SpawnedProcess,
} from './service-process.js';

export interface StageOptions {
  /** Of the app in this process; default: everything. */
  roles?: Roles;
  env?: Record<string, string>;
  /** Default: the scripted engine's own. */
  kind?: EngineKind;
}

/**
 * A database, a scripted engine `se` that takes definitions in at once, and one app in this process; more apps and real
 * processes may join on the same database. For faults that need a process, an answer or a moment of their own.
 */
export class Stage {
  readonly runs: CoreRuns;
  readonly api: Api;
  private readonly apps: TestApp[] = [];
  private readonly processes: SpawnedProcess[] = [];

  private constructor(
    readonly engine: ScriptedEngine,
    readonly app: TestApp,
    private readonly environment: ServiceEnvironment,
    private readonly options: StageOptions,
  ) {
    this.runs = new CoreRuns(app, 'se');
    this.api = new Api(app.url);
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const engine = await startScriptedEngine();
    const app = await startTestApp({ ...appOptions(engine, options), roles: options.roles ?? ROLES.server });
    const environment = await serviceEnvironment(app.databaseUrl, { se: engine.url }, options.env);
    return new Stage(engine, app, environment, options);
  }

  /** Another app in this process, on the same engine and database; `databaseUrl` may lead there through a proxy. */
  async join(roles: Roles, databaseUrl: string = this.app.databaseUrl): Promise<TestApp> {
    const app = await startTestApp({ ...appOptions(this.engine, this.options), roles, databaseUrl });
    this.apps.push(app);
    return app;
  }

  /** A process on the same database and engine, working when this resolves. */
  async process(role: ScriptedRole, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const started = await startScriptedService(role, this.processEnv(role, env));
    this.processes.push(started);
    return started;
  }

  /** As `process`, for one that may end before it works. */
  spawn(role: ScriptedRole, env: Record<string, string> = {}): SpawnedProcess {
    const spawned = spawnScriptedService(role, this.processEnv(role, env));
    this.processes.push(spawned);
    return spawned;
  }

  /** Stores a workflow over HTTP; returns its id. */
  async workflow(title: string, ...tasks: ScriptedTask[]): Promise<number> {
    return this.workflowOf(title, { tasks });
  }

  async workflowOf(title: string, workflow: ScriptedWorkflow): Promise<number> {
    const body = { title, workflow_engine: 'se', definition_format: 'native', definition: JSON.stringify(workflow) };
    return created(await this.api.post('/workflows', body)).id;
  }

  /** Executions the engine ever made under the keys of a run. */
  executions(token: string): number {
    return Object.entries(this.engine.controls.created())
      .filter(([key]) => key.includes(token))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  async countRuns(): Promise<number> {
    const { rows } = await this.app.database.query<{ count: number }>({
      text: 'SELECT count(*) AS count FROM workflow_runs',
    });
    return rows[0]?.count ?? 0;
  }

  /** Throws with every violation the checker finds. */
  async check(told: Told, options: Partial<CheckOptions> = {}): Promise<void> {
    const { controls } = this.engine;
    const witness = { journal: controls.journal(), created: controls.created() };
    const violations = await check(this.app.database, told, witness, { cancelGraceMs: 5_000, ...options });
    if (violations.length > 0) throw new Error(`the checker found:\n${describeViolations(violations)}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.kill()));
    for (const app of this.apps) await app.close();
    await this.app.close();
    await this.engine.close();
    await this.environment.remove();
  }

  private processEnv(role: ScriptedRole, env: Record<string, string>): Record<string, string> {
    const port: Record<string, string> = role === 'api' || role === 'server' ? { PORT: '0' } : {};
    return { ...this.environment.env, ...port, ...env };
  }
}

function appOptions(engine: ScriptedEngine, options: StageOptions): Parameters<typeof startTestApp>[0] & object {
  const kind = options.kind ?? scriptedEngineKind;
  return {
    env: { ...QUICK_TIMES, ...options.env },
    engines: {
      kinds: [kind],
      entries: [
        {
          name: 'se',
          kind: kind.kind,
          options: { url: engine.url, registers: 'at-once' },
          callsPerSecond: 5_000,
        },
      ],
    },
  };
}

export function created(answer: { status: number; text: string; body: Body }): Body {
  if (answer.status !== 201) throw new Error(`not created: ${answer.status} ${answer.text}`);
  return answer.body;
}
