import { join } from 'node:path';
import { Api } from './api.js';
import { check, describeViolations, type CheckOptions, type EngineWitness, type Told } from './checker.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { FaultProxy } from './fault-proxy.js';
import { controlScriptedEngine } from './scripted-engine/scripted-engine-control.js';
import { serviceEnvironment, type EngineSource, type ServiceEnvironment } from './service-environment.js';
import {
  FROM_SOURCES,
  spawnScriptedService,
  startScriptedEngineProcess,
  working,
  type Programs,
  type ScriptedEngineProcess,
  type ScriptedRole,
  type ServiceProcess,
} from './service-process.js';

export const MEMBERS = ['api-1', 'api-2', 'worker-1', 'worker-2', 'reconcile-1', 'reconcile-2'] as const;
export type Member = (typeof MEMBERS)[number];

export interface ClusterOptions {
  members?: readonly Member[];
  env?: Record<string, string>;
  /** Of the proxies' probabilities. */
  random?: () => number;
  /** Migrated; default: one of the test run's cluster. It is dropped with the cluster. */
  database?: TestDatabase;
  /** What the processes run; default: the sources. */
  programs?: Programs;
  /** Beside the scripted engine `se`. */
  engines?: Record<string, EngineSource>;
}

/** How often a process is started before its fault counts as lasting. */
const STARTS = 10;

/**
 * The set-up of the fault catalogue: APIs, workers and reconcilers as processes on one database, a scripted engine as a
 * process, and a proxy before the APIs, the engine and the database.
 */

export class Cluster {
  private readonly members = new Map<Member, ServiceProcess>();
  private readonly apiProxies = new Map<Member, FaultProxy>();

  private constructor(
    readonly database: TestDatabase,
    readonly engine: ScriptedEngineProcess,
    /** Before the engine and before PostgreSQL. */
    readonly proxies: { engine: FaultProxy; database: FaultProxy },
    private readonly environment: ServiceEnvironment,
    private readonly random: () => number,
    private readonly programs: Programs,
  ) {}

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { random = Math.random, programs = FROM_SOURCES } = options;
    const [database, engine] = await Promise.all([
      options.database ?? createTestDatabase(),
      startScriptedEngineProcess(programs),
    ]);
    const proxies = {
      engine: await FaultProxy.start(engine.url, random),
      database: await FaultProxy.start(database.url, random),
    };
    const through = { database: proxies.database.through(database.url), engine: proxies.engine.through(engine.url) };
    const environment = await serviceEnvironment(
      through.database,
      { se: through.engine, ...options.engines },
      options.env,
    );
    const cluster = new Cluster(database, engine, proxies, environment, random, programs);
    try {
      await Promise.all((options.members ?? MEMBERS).map((member) => cluster.beginAtLast(member)));
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get control(): ReturnType<typeof controlScriptedEngine> {
    return controlScriptedEngine(this.engine.controlUrl);
  }

  /** Through the proxy of one API; its address stays the same when the process is another one. */
  api(member: Member = 'api-1'): Api {
    return new Api(`http://127.0.0.1:${this.apiProxy(member).port}`);
  }

  apiProxy(member: Member): FaultProxy {
    const proxy = this.apiProxies.get(member);
    if (!proxy) throw new Error(`${member} was not begun`);
    return proxy;
  }

  member(member: Member): ServiceProcess {
    const found = this.members.get(member);
    if (!found) throw new Error(`${member} was not begun`);
    return found;
  }

  /** Starts a member, or starts it again; resolves when it works. Until then it can be killed already. */
  async begin(member: Member, env: Record<string, string> = {}): Promise<ServiceProcess> {
    const role = member.replace(/-\d$/, '') as ScriptedRole;
    const own: Record<string, string> = { DATA_DIR: join(this.environment.env['DATA_DIR'] ?? '', member) };
    if (role === 'api') own['PORT'] = '0';
    const spawned = spawnScriptedService(role, { ...this.environment.env, ...own, ...env }, this.programs);
    this.members.set(member, { ...spawned, url: '' });
    const started = await working(spawned);
    this.members.set(member, started);
    if (role === 'api') {
      const known = this.apiProxies.get(member);
      if (known) known.target = { host: '127.0.0.1', port: Number(new URL(started.url).port) };
      else this.apiProxies.set(member, await FaultProxy.start(started.url, this.random));
    }
    return started;
  }

  /** kill -9, and a new process in its place. */
  async replace(member: Member): Promise<void> {
    await this.member(member).kill();
    await this.beginAtLast(member);
  }

  /** Started again, as any supervisor does, when a fault or a busy machine ends its start too. */
  private async beginAtLast(member: Member): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.begin(member);
        return;
      } catch (error) {
        if (attempt === STARTS) throw error;
      }
    }
  }

  /** Runs that have not ended. */
  async open(): Promise<number> {
    const { rows } = await this.database.database.query<{ open: number }>({
      text: 'SELECT count(*) AS open FROM workflow_runs WHERE finished_at IS NULL',
    });
    return rows[0]?.open ?? 0;
  }

  /** Executions that surfaced after they were given up, and that no pass has cancelled yet. */
  async late(): Promise<number> {
    const { rows } = await this.database.database.query<{ late: number }>({
      text: `SELECT count(*) AS late FROM drift d JOIN workflow_executions e USING (workflow_run_id)
             WHERE d.kind = 'late-execution' AND e.tombstone_until IS NOT NULL`,
    });
    return rows[0]?.late ?? 0;
  }

  /** What the scripted engine was asked, and what it made. */
  async witness(): Promise<EngineWitness> {
    return { journal: await this.control.journal(), created: await this.control.created() };
  }

  /** Throws with every violation the checker finds. */
  async check(told: Told, options: Partial<CheckOptions> = {}): Promise<void> {
    const all = { cancelGraceMs: 5_000, ...options };
    const violations = await check(this.database.database, told, await this.witness(), all);
    if (violations.length > 0) throw new Error(`the checker found:\n${describeViolations(violations)}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.kill()));
    await this.engine.kill();
    const proxies = [this.proxies.engine, this.proxies.database, ...this.apiProxies.values()];
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await this.database.drop();
    await this.environment.remove();
  }
}
