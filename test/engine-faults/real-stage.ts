/** The service in this process, on a real engine behind a proxy and on the local engine beside it. */
import { arranged } from '../../adapters/conformance/harness.js';
import { localEngine } from '../../adapters/local/local.engine-kind.js';
import { newRunToken, runKey } from '../../src/lifecycle/run-key.js';
import { isFinal, type RunState } from '../../src/lifecycle/run-state.js';
import { ENGINE_KINDS } from '../../src/engines/registry.js';
import { Api, type Body } from '../support/api.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { CoreRuns } from '../support/core-runs.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { until } from '../support/until.js';
import { installationOf } from '../real-engines/real-engine.js';
import type { EnginePart, OnEngine, TroubledEngine } from './troubled-engine.js';

/** Short enough for a test to see a grace pass, long enough for a real engine to answer. */
const TIMES = {
  ENGINE_TIMEOUT: '5s',
  RECONCILE_INTERVAL: '1s',
  ORPHAN_INTERVAL: '2s',
  REFRESH_MAX_AGE: '500ms',
  TASK_REFRESH_INTERVAL: '2s',
  SUBMIT_GRACE: '6s',
  CANCEL_GRACE: '10s',
  ENGINE_MISSING_GRACE: '4s',
  STUCK_AFTER: '8s',
};
const REGISTERED_MS = 120_000;
const LOCAL = 'local';

type PortableTask = Record<string, unknown>;

export class RealStage {
  private constructor(
    readonly troubled: TroubledEngine,
    readonly app: TestApp,
    readonly proxy: FaultProxy,
    readonly api: Api,
    readonly runs: CoreRuns,
  ) {}

  static async start(troubled: TroubledEngine): Promise<RealStage> {
    const { engine } = troubled;
    const proxy = await FaultProxy.start(engine.url);
    const options = engine.options(proxy.through(engine.url));
    const entries = [
      { name: engine.name, kind: engine.kind, options, callsPerSecond: 50 },
      { name: LOCAL, kind: localEngine.kind, options: {}, callsPerSecond: 100 },
    ];
    const app = await startTestApp({ env: TIMES, engines: { kinds: ENGINE_KINDS, entries } });
    return new RealStage(troubled, app, proxy, new Api(app.url), new CoreRuns(app, engine.name));
  }

  /** A portable workflow; waits until its engine has taken it in unless told otherwise. */
  async store(title: string, tasks: Record<string, PortableTask>, options: { wait?: boolean } = {}): Promise<void> {
    const { name, task } = this.troubled.engine;
    await this.storePortable(name, title, tasks, task);
    if (options.wait !== false) await this.ready(title);
  }

  async storeLocally(title: string, tasks: Record<string, PortableTask>): Promise<void> {
    await this.storePortable(LOCAL, title, tasks, {});
    await this.ready(title);
  }

  async storeNative(title: string, definition: string): Promise<void> {
    await this.storeText(this.troubled.engine.name, title, 'native', definition);
  }

  registration(title: string): Promise<Body> {
    return this.read(`/workflows/${encodeURIComponent(title)}/1`);
  }

  ready(title: string): Promise<Body> {
    return until(
      () => this.registration(title),
      (workflow) => workflow['registration']?.state === 'READY',
      REGISTERED_MS,
    );
  }

  async start(title: string): Promise<number> {
    const answer = await this.api.post('/workflow-runs', { workflow: { title } });
    if (answer.status !== 201) throw new Error(`a run was answered ${answer.status}: ${answer.text}`);
    return answer.body.id;
  }

  startMany(title: string, count: number): Promise<number[]> {
    return Promise.all(Array.from({ length: count }, () => this.start(title)));
  }

  run(id: number): Promise<Body> {
    return this.read(`/workflow-runs/${id}`);
  }

  /** The run once it is in one of the states. */
  reaches(id: number, states: RunState | readonly RunState[], ms = this.troubled.patienceMs): Promise<Body> {
    return this.becomes(id, ({ state }) => [states].flat().includes(state as RunState), ms);
  }

  becomes(id: number, wanted: (run: Body) => boolean, ms = this.troubled.patienceMs): Promise<Body> {
    return until(() => this.run(id), wanted, ms);
  }

  ended(id: number, ms = this.troubled.patienceMs): Promise<Body> {
    return this.becomes(id, ({ state }) => isFinal(state as RunState), ms);
  }

  /** The ended run, and the state that the engine's own word for its end means. */
  async endedAsTold(id: number, ms: number): Promise<{ run: Body; told: string }> {
    const run = await this.ended(id, ms);
    const { wordOf, endWords } = this.troubled;
    const word = await wordOf(await this.onEngine(id));
    if (word === undefined || !endWords.includes(word)) return { run, told: `not ended: ${word}` };
    return { run, told: word === endWords[0] ? 'COMPLETED' : 'FAILED' };
  }

  /** Resolves when the task is at work on the engine. */
  async atWork(id: number, task: string): Promise<void> {
    await until(
      () => this.tasks(id),
      (tasks) => tasks[task] === 'RUNNING',
      this.troubled.patienceMs,
    );
  }

  /** Looked at on the engine first: a list of task runs alone calls none. */
  async tasks(id: number): Promise<Record<string, string>> {
    await this.run(id);
    const { items } = await this.read(`/workflow-runs/${id}/task-runs`);
    return Object.fromEntries(items.map((one) => [String(one['task_title']), one.state]));
  }

  async onEngine(id: number): Promise<OnEngine> {
    const { execution } = await this.runs.record(id);
    return { key: execution.key, externalId: execution.externalId ?? '' };
  }

  /** An execution of the same definition, under another key. */
  beside(like: OnEngine, key: string): OnEngine {
    return { key, externalId: like.externalId.replace(like.key, key) };
  }

  /** The engine's own word for the end of an execution, once it has ended. */
  async endedThere(on: OnEngine): Promise<string | undefined> {
    const { wordOf, endWords, patienceMs } = this.troubled;
    return until(
      () => wordOf(on),
      (word) => word !== undefined && endWords.includes(word),
      patienceMs,
    );
  }

  async cancelled(id: number): Promise<void> {
    const { status } = await this.api.put(`/workflow-runs/${id}/cancel`);
    if (status !== 202) throw new Error(`the cancel was answered ${status}`);
    await this.reaches(id, 'CANCELLED');
  }

  /** Under a key as ours, of no run. */
  newKey(): string {
    return runKey(newRunToken(), 1);
  }

  async health(): Promise<Body> {
    return (await this.read(`/engines/${this.troubled.engine.name}`))['health'] as Body;
  }

  healthBecomes(wanted: (health: Body) => boolean, ms = 60_000): Promise<Body> {
    return until(() => this.health(), wanted, ms);
  }

  async drift(kind: string): Promise<Body[]> {
    return (await this.read(`/admin/drift?kind=${kind}`)).items;
  }

  /** Executions of the workflow that no run of ours is, and runs that have none or share one: none is right. */
  async strays(ids: readonly number[]): Promise<string[]> {
    const mine = await Promise.all(ids.map((id) => this.onEngine(id)));
    const there = await this.troubled.engine.executions(mine[0]?.externalId ?? '');
    const all = await this.app.database.query<{ id: string | null }>({
      text: 'SELECT external_id AS id FROM workflow_executions WHERE outcome = $1',
      values: ['known'],
    });
    const known = new Set(all.rows.map((row) => row.id));
    const twice = mine.length - new Set(mine.map(({ externalId }) => externalId)).size;
    return [
      ...mine.filter(({ externalId }) => !there.has(externalId)).map(({ key }) => `missing ${key}`),
      ...[...there].filter((id) => !known.has(id)).map((id) => `extra ${id}`),
      ...(twice > 0 ? [`${twice} runs share an execution`] : []),
    ];
  }

  /** Does the work while a part of the engine is dead; everything is there again when this resolves, or rejects. */
  async without(part: EnginePart, work: () => Promise<void>): Promise<void> {
    try {
      await arranged(this.troubled.kill[part])();
      await work();
    } finally {
      await this.troubled.revive();
    }
  }

  /** Nothing befalls the network any more. */
  async calm(): Promise<void> {
    this.proxy.heal();
    await this.proxy.up();
  }

  async close(): Promise<void> {
    const installationId = await installationOf(this.app.database);
    await this.app.close();
    await this.proxy.close();
    try {
      await this.troubled.engine.removeAllOf(installationId);
    } finally {
      await this.troubled.close();
    }
  }

  private async read(path: string): Promise<Body> {
    const answer = await this.api.get(path);
    if (answer.status !== 200) throw new Error(`GET ${path} was answered ${answer.status}: ${answer.text}`);
    return answer.body;
  }

  private storePortable(
    engine: string,
    title: string,
    tasks: Record<string, PortableTask>,
    more: PortableTask,
  ): Promise<void> {
    const whole = Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, { ...more, ...task }]));
    const definition = { apiVersion: 'signalbox/v1', kind: 'Workflow', name: title, tasks: whole };
    return this.storeText(engine, title, 'signalbox/v1', JSON.stringify(definition));
  }

  private async storeText(engine: string, title: string, format: string, definition: string): Promise<void> {
    const body = { title, workflow_engine: engine, definition_format: format, definition };
    const answer = await this.api.post('/workflows', body);
    if (answer.status !== 201) throw new Error(`the workflow was answered ${answer.status}: ${answer.text}`);
  }
}
