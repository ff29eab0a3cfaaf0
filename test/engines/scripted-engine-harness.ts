import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DefinitionText } from '../../adapters/spi/engine-adapter.js';
import type { EngineHost } from '../../adapters/spi/engine-kind.js';
import { noisyLog } from '../../adapters/conformance/fixtures.js';
import type { FixtureName } from '../../adapters/conformance/fixtures.js';
import type { Harness, Verb, Wire, WireFault } from '../../adapters/conformance/harness.js';
import { INSTALLATION_ID } from '../../adapters/conformance/world.js';
import { assertNever } from '../../definition/assert-never.js';
import { startCanary } from '../support/canary.js';
import type { Canary } from '../support/canary.js';
import type { Effect, EngineVerb } from '../support/scripted-engine/rules.js';
import { scriptedEngineKind } from '../support/scripted-engine/scripted-engine.engine-kind.js';
import { startScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import type { ScriptedEngine } from '../support/scripted-engine/scripted-engine-server.js';
import type { ScriptedTask, ScriptedWorkflow } from '../support/scripted-engine/scripted-workflow.js';
import { RUN_WORDS } from '../support/scripted-engine/to-observation.js';

const HOLD: ScriptedTask = { id: 'hold', duration_ms: 'hold', log: ['holding'] };

export const SCRIPTED_FIXTURES: Record<FixtureName, ScriptedWorkflow> = {
  linear: { tasks: [{ id: 'first' }, { id: 'second', needs: ['first'] }, { id: 'third', needs: ['second'] }] },
  diamond: {
    tasks: [
      { id: 'top', outputs: { value: { value: 7 } } },
      { id: 'left', needs: ['top'] },
      { id: 'right', needs: ['top'] },
      { id: 'bottom', needs: ['left', 'right'] },
    ],
    outputs_of: 'top',
  },
  failing: {
    tasks: [
      { id: 'first' },
      { id: 'broken', needs: ['first'], failing_attempts: 1_000_000, exit_code: 3 },
      { id: 'after', needs: ['broken'] },
    ],
  },
  'failing-once': {
    tasks: [{ id: 'first' }, { id: 'flaky', needs: ['first'], failing_attempts: 1 }, { id: 'last', needs: ['flaky'] }],
  },
  retrying: { tasks: [{ id: 'flaky', failing_attempts: 1, retries: 1 }] },
  sleeping: { tasks: [HOLD, { id: 'after', needs: ['hold'] }] },
  'sleeping-aside': { tasks: [HOLD, { id: 'aside' }] },
  waiting: {
    tasks: [
      { id: 'slow', duration_ms: 500 },
      { id: 'after', needs: ['slow'] },
    ],
  },
  'fan-out': { tasks: [{ id: 'work', items: 'items', outputs: { item: { item: true } } }] },
  'echo-params': {
    tasks: [{ id: 'echo', outputs: { text: { parameter: 'text' }, value: { parameter: 'value' } } }],
    outputs_of: 'echo',
  },
  noisy: { tasks: [{ id: 'chatter', log: noisyLog().trimEnd().split('\n') }] },
};

/** The request in which each verb does its work. */
const ROUTE_OF: Record<Verb, EngineVerb> = {
  ping: 'version',
  validate: 'validate',
  register: 'register',
  retire: 'retire',
  describe: 'describe',
  submit: 'submit',
  find: 'get',
  observe: 'get',
  observeMany: 'list',
  sentinel: 'read-object',
  cancel: 'cancel',
  logs: 'logs',
  retry: 'retry',
  retryTask: 'retry-task',
  cancelTask: 'cancel-task',
  pause: 'pause',
  resume: 'resume',
  list: 'list-all',
  hints: 'hints',
  forget: 'forget',
  discover: 'list-definitions',
  listBorn: 'list-born',
};

export async function scriptedEngineHarness(options: Record<string, unknown> = {}): Promise<Harness> {
  const engine = await startScriptedEngine();
  const { controls } = engine;
  const canary = await startCanary();
  return {
    connect: () => scriptedEngineKind.create({ url: engine.url, ...options }, hostWithoutDatabase()),
    definition: (fixture): DefinitionText => ({ format: 'native', text: JSON.stringify(SCRIPTED_FIXTURES[fixture]) }),
    refusedDefinition: { format: 'native', text: '{"tasks":[{"id":"a","needs":["b"]}]}' },
    restart: async () => {
      await takeDown(engine);
      await controls.up();
    },
    wipe: async () => controls.wipe(),
    forget: async ({ key }) => void controls.forget(key),
    people: {
      offer: async (fixture, name, label) => {
        const labels = label === undefined ? {} : { [label.key]: label.value };
        controls.offer(name, JSON.stringify(SCRIPTED_FIXTURES[fixture]), { labels });
        return name;
      },
      start: async (reference) => controls.begin(reference),
    },
    wire: scriptedWire(engine, canary),
    manyTaskRuns: 10_000,
    patienceMs: 10_000,
    cleanUp: async () => {
      await engine.close();
      await canary.close();
    },
  };
}

function scriptedWire(engine: ScriptedEngine, canary: Canary): Wire {
  const { controls } = engine;
  return {
    break: async (verb, fault) => {
      controls.addRule({ verb: ROUTE_OF[verb], effect: effectOf(fault) });
    },
    down: () => takeDown(engine),
    heal: async () => {
      controls.removeRules();
      await controls.up();
    },
    calls: async (verb) => controls.calls()[ROUTE_OF[verb]] ?? 0,
    executions: async (key) => controls.created()[key] ?? 0,
    plantForeign: async (key) => void controls.plant(key),
    words: RUN_WORDS,
    show: async ({ key }, word) => controls.show(key, word),
    canary,
  };
}

/** Engine and adapter share this process: the adapter's side of a closed connection closes some turns later. */
async function takeDown({ controls }: ScriptedEngine): Promise<void> {
  await controls.down();
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
}

function effectOf(fault: WireFault): Effect {
  switch (fault.fault) {
    case 'drop':
    case 'lose-answer':
    case 'duplicate':
      return { do: fault.fault };
    case 'late':
      return { do: 'hold' };
    case 'answer':
      return {
        do: 'answer',
        status: fault.status,
        ...(fault.headers ? { headers: fault.headers } : {}),
        ...(fault.body === undefined ? {} : { body: fault.body }),
      };
    case 'garble':
      return { do: 'garble', shape: fault.shape };
    default:
      return assertNever(fault);
  }
}

/** The scripted adapter keeps nothing in our database. */
function hostWithoutDatabase(): EngineHost {
  const refuse = async (): Promise<never> => {
    throw new Error('the scripted engine has no tables');
  };
  const silent = (): void => undefined;
  return {
    engineName: 'scripted',
    installationId: INSTALLATION_ID,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    database: { query: refuse, transaction: refuse },
    dataDir: '/nonexistent',
    executes: false,
  };
}
