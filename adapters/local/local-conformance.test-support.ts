import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '../../test/support/database.js';
import type { FixtureName } from '../conformance/fixtures.js';
import type { Harness } from '../conformance/harness.js';
import { INSTALLATION_ID } from '../conformance/world.js';
import type { EngineAdapter } from '../spi/engine-adapter.js';
import type { EngineHost } from '../spi/engine-kind.js';
import { localEngine } from './local.engine-kind.js';

const HOLD = { run: 'echo holding; exec sleep 600' };
const COUNTED = (task: string, then: string): string => `echo "attempt $SIGNALBOX_ATTEMPT of ${task}"; ${then}`;
/** Writes what arrived in its environment, a text and a JSON text. */
const ECHO = `
  const { writeFileSync } = require('node:fs');
  const outputs = process.env.SIGNALBOX_DIR + '/outputs/';
  writeFileSync(outputs + 'text', JSON.stringify(process.env.TEXT));
  writeFileSync(outputs + 'value', process.env.VALUE);`;

export const LOCAL_FIXTURES: Record<FixtureName, object> = {
  linear: {
    tasks: {
      first: { run: 'echo first' },
      second: { run: 'echo second', needs: ['first'] },
      third: { run: 'echo third', needs: ['second'] },
    },
  },
  diamond: {
    tasks: {
      top: { run: 'echo 7 > "$SIGNALBOX_DIR/outputs/value"', outputs: { value: { type: 'integer' } } },
      left: { run: 'true', needs: ['top'] },
      right: { run: 'true', needs: ['top'] },
      bottom: { run: 'true', needs: ['left', 'right'] },
    },
    outputs: { value: '${{ tasks.top.outputs.value }}' },
  },
  failing: {
    tasks: {
      first: { run: 'true' },
      broken: { run: 'exit 3', needs: ['first'] },
      after: { run: 'true', needs: ['broken'] },
    },
  },
  'failing-once': {
    tasks: {
      first: { run: COUNTED('first', 'true') },
      flaky: { run: COUNTED('flaky', 'test "$SIGNALBOX_ATTEMPT" -ge 2'), needs: ['first'] },
      last: { run: COUNTED('last', 'true'), needs: ['flaky'] },
    },
  },
  retrying: {
    tasks: {
      flaky: { run: COUNTED('flaky', 'test "$SIGNALBOX_ATTEMPT" -ge 2'), retry: { max: 1, delay: '0s' } },
    },
  },
  sleeping: { tasks: { hold: HOLD, after: { run: 'true', needs: ['hold'] } } },
  'sleeping-aside': { tasks: { hold: { ...HOLD, allowFailure: true }, aside: { run: 'true' } } },
  waiting: { tasks: { slow: { run: 'sleep 1.5' }, after: { run: 'true', needs: ['slow'] } } },
  'fan-out': {
    params: { items: { type: 'array' } },
    tasks: {
      work: {
        foreach: { items: '${{ params.items }}' },
        env: { ITEM: '${{ item }}' },
        run: 'echo "$ITEM" > "$SIGNALBOX_DIR/outputs/item"',
        outputs: { item: { type: 'integer' } },
      },
    },
  },
  'echo-params': {
    params: { text: { type: 'string' }, value: { type: 'object' } },
    tasks: {
      echo: {
        command: [process.execPath, '-e', ECHO],
        env: { TEXT: '${{ params.text }}', VALUE: '${{ params.value }}' },
        outputs: { text: { type: 'string' }, value: { type: 'object' } },
      },
    },
    outputs: { text: '${{ tasks.echo.outputs.text }}', value: '${{ tasks.echo.outputs.value }}' },
  },
  noisy: {
    tasks: {
      chatter: {
        run: 'n=1; while [ $n -le 3000 ]; do echo "line $n of 3000, as chatter says it"; n=$((n+1)); done',
      },
    },
  },
};

/** Its verbs are rows of our own database and its processes are this machine's: no network lies between. */
const NO_WIRE = { impossible: 'no network lies between the local engine and its adapter' };

export async function localEngineHarness(): Promise<Harness> {
  const { database, drop } = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-conformance-'));
  const host = (executes: boolean): EngineHost => ({
    engineName: 'local',
    installationId: INSTALLATION_ID,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    database,
    dataDir,
    executes,
  });
  const open = (executes: boolean): Promise<EngineAdapter> =>
    localEngine.create({ terminateGrace: '1s', maxTasks: 8 }, host(executes));
  const owner = new Owner(await open(true));
  let first = true;
  return {
    connect: async () => {
      // One process owns the node and hears its hints; all others reach it through the database.
      if (!first) return open(false);
      first = false;
      return owner.adapter();
    },
    definition: (fixture) => ({ format: 'signalbox/v1', text: definitionText(fixture, LOCAL_FIXTURES[fixture]) }),
    refusedDefinition: {
      format: 'signalbox/v1',
      text: definitionText('refused', { tasks: { one: { run: 'true', needs: ['nobody'] } } }),
    },
    restart: async () => {
      await owner.current.close();
      owner.exchange(await open(true));
    },
    wipe: async () => {
      await database.query({ text: 'DELETE FROM signalbox_local.runs' });
      await database.query({ text: 'DELETE FROM signalbox_local.sentinels' });
    },
    forget: async ({ key }) => {
      await database.query({ text: 'DELETE FROM signalbox_local.runs WHERE key = $1', values: [key] });
    },
    wire: NO_WIRE,
    // Each is a process and its supervisor.
    manyTaskRuns: 60,
    patienceMs: 40_000,
    cleanUp: async () => {
      await owner.current.close();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The process that owns the node; after a restart another one, whose hints the listeners get too. */
class Owner {
  readonly #listeners = new Set<(key: string) => void>();

  constructor(public current: EngineAdapter) {
    this.exchange(current);
  }

  exchange(next: EngineAdapter): void {
    this.current = next;
    next.hints?.((key) => this.#listeners.forEach((listener) => listener(key)));
  }

  /** An adapter that outlives a restart of the owner; closing it leaves the owner alone. */
  adapter(): EngineAdapter {
    const hints = (listener: (key: string) => void): (() => void) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    };
    return new Proxy(this.current, {
      get: (_, name) => {
        if (name === 'hints') return hints;
        if (name === 'close') return async () => undefined;
        return Reflect.get(this.current, name) as unknown;
      },
    });
  }
}

function definitionText(name: string, body: object): string {
  return JSON.stringify({ apiVersion: 'signalbox/v1', kind: 'Workflow', name, ...body });
}

function ignore(): void {
  // Nobody reads this log.
}
