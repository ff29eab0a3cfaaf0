import { MIGRATIONS } from '../../src/migrations.js';
import { migrate } from '../../src/platform/migrator.js';
import { Api } from './api.js';
import { CarefulLoad } from './careful-load.js';
import { check, describeViolations, type Violation } from './checker.js';
import { openTestDatabase } from './database.js';
import { startScriptedEngine, type ScriptedEngine } from './scripted-engine/scripted-engine-server.js';
import { serviceEnvironment, type ServiceEnvironment } from './service-environment.js';
import { startScriptedService, type ServiceProcess } from './service-process.js';
import { until } from './until.js';

/** A `server` process and a scripted engine on a database that the test does something to. */
export class ServiceOn {
  readonly api: Api;

  private constructor(
    private readonly url: string,
    private readonly engine: ScriptedEngine,
    private readonly environment: ServiceEnvironment,
    readonly process: ServiceProcess,
  ) {
    this.api = new Api(process.url);
  }

  /** Migrates the database at `url` and stores the workflow `at-once`. */
  static async start(url: string, env: Record<string, string> = {}): Promise<ServiceOn> {
    await migrate(url, MIGRATIONS);
    const engine = await startScriptedEngine();
    const more = { PORT: '0', LOG_LEVEL: 'fatal', ...env };
    const environment = await serviceEnvironment(url, { se: engine.url }, more);
    const service = new ServiceOn(url, engine, environment, await startScriptedService('server', environment.env));
    const definition = JSON.stringify({ tasks: [{ id: 'only' }] });
    const body = { title: 'at-once', workflow_engine: 'se', definition_format: 'native', definition };
    const answer = await service.api.post('/workflows', body);
    if (answer.status !== 201) throw new Error(answer.text);
    return service;
  }

  load(name: string): CarefulLoad {
    return new CarefulLoad(() => this.api, name, { errors: () => this.process.errors() });
  }

  /** Throws with every violation the checker finds once no run is open. */
  async check(created: number[]): Promise<void> {
    const { database, drop } = openTestDatabase(this.url);
    try {
      await until(
        async () => (await database.query({ text: 'SELECT id FROM workflow_runs WHERE finished_at IS NULL' })).rows,
        (open) => open.length === 0,
        180_000,
      );
      const witness = { journal: this.engine.controls.journal(), created: this.engine.controls.created() };
      const violations: Violation[] = await check(database, { created }, witness, { cancelGraceMs: 5_000 });
      if (violations.length > 0) throw new Error(`the checker found:\n${describeViolations(violations)}`);
      if (new Set(created).size !== created.length) throw new Error('two requests were answered with one run');
    } finally {
      await drop();
    }
  }

  async close(): Promise<void> {
    await this.process.kill();
    await this.engine.close();
    await this.environment.remove();
  }
}
