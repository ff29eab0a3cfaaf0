import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import { Api, type ApiAnswer, type Body } from './api.js';
import { startTestApp, type TestApp } from './app.js';
import { MemoryEngine } from './memory-engine.js';
import { until } from './until.js';

export interface MemoryApp {
  app: TestApp;
  api: Api;
  /** Describes a workflow at once. */
  engine: MemoryEngine;
  /** Takes definitions in later. */
  slow: MemoryEngine;
  close(): Promise<void>;
}

/** Intervals short enough that no test waits for one. */
const QUICK = { REFRESH_MAX_AGE: '100ms', RECONCILE_INTERVAL: '1s', TASK_REFRESH_INTERVAL: '1s' };

/** The whole app with two engines in memory, for tests of the API. */
export async function startMemoryApp(env: Record<string, string> = {}): Promise<MemoryApp> {
  const engine = new MemoryEngine('memory');
  const slow = new MemoryEngine('slow', 'later');
  const kinds: EngineKind[] = [engine.kind(), slow.kind()];
  const entries = kinds.map(({ kind }) => ({ name: kind, kind, options: {}, callsPerSecond: 1000 }));
  const app = await startTestApp({ env: { ...QUICK, ...env }, engines: { kinds, entries } });
  return { app, api: new Api(app.url), engine, slow, close: () => app.close() };
}

/** A native workflow of two tasks, `load` and `clean`. */
export async function createWorkflow(api: Api, title: string, more: Record<string, unknown> = {}): Promise<Body> {
  const body = {
    title,
    workflow_engine: 'memory',
    definition_format: 'native',
    definition: 'load\nclean\n',
    ...more,
  };
  return created(await api.post('/workflows', body));
}

export async function createRun(api: Api, title: string, more: Record<string, unknown> = {}): Promise<Body> {
  return created(await api.post('/workflow-runs', { workflow: { title }, ...more }));
}

/** Waits until the engine has the run. */
export async function submitted(api: Api, id: number): Promise<Body> {
  const answer = await until(
    () => api.get(`/workflow-runs/${id}`),
    ({ body }) => body.external_id !== undefined,
  );
  return answer.body;
}

/** Waits until the run is in one of the states. */
export async function inState(api: Api, id: number, ...states: string[]): Promise<Body> {
  const answer = await until(
    () => api.get(`/workflow-runs/${id}`),
    ({ body }) => states.includes(body.state),
  );
  return answer.body;
}

function created(answer: ApiAnswer): Body {
  if (answer.status !== 201) throw new Error(`not created: ${answer.status} ${answer.text}`);
  return answer.body;
}
