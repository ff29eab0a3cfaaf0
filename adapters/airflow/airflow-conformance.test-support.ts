/** The conformance suite on a real Airflow, as `npm run engines -- up airflow3` starts it. */
import { readFileSync } from 'node:fs';
import { test } from '@jest/globals';
import { airflowFixture, printedLines } from './airflow-fixtures.test-support.js';
import { airflowPeople } from './airflow-people.test-support.js';
import { airflowWire } from './airflow-wire.test-support.js';
import { airflowEngine } from './airflow.engine-kind.js';
import { AirflowClient } from './airflow-client.js';
import { readAirflowOptions } from './airflow-options.js';
import { runPath } from './dialect.js';
import { describeConformance } from '../conformance/describe-conformance.js';
import type { FixtureName } from '../conformance/fixtures.js';
import type { Harness, Skip } from '../conformance/harness.js';
import { REFUSED_PORTABLE, portableFixture } from '../conformance/portable-fixtures.js';
import type { DefinitionText } from '../spi/engine-adapter.js';
import { INSTALLATION_ID, callContext } from '../conformance/world.js';
import type { EngineHost } from '../spi/engine-kind.js';

/** The options of a running engine; undefined where the environment names none. */
export function endpointOf(variable: string): Record<string, unknown> | undefined {
  const file = process.env[variable];
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>);
}

/** `native`: DAG files. `compiled`: portable definitions, of which Airflow shows what the local engine shows. */
export type Written = 'native' | 'compiled';

const WRITTEN = {
  native: {
    definition: (fixture: FixtureName): DefinitionText => ({ format: 'native', text: airflowFixture(fixture) }),
    refusedDefinition: { format: 'native', text: 'dag = DAG("a_name_of_its_own")' },
    printedLines,
    // PostgreSQL keeps conf and XComs as jsonb.
    losesKeyOrder: true,
  },
  compiled: { definition: portableFixture, refusedDefinition: REFUSED_PORTABLE },
} as const satisfies Record<Written, Partial<Harness>>;

export async function airflowHarness(options: Record<string, unknown>, written: Written = 'native'): Promise<Harness> {
  const client = new AirflowClient(readAirflowOptions(options));
  const people = airflowPeople(client, options['dagsFolder'] as string);
  const network = await airflowWire(readAirflowOptions(options), () => harness);
  const { dialect } = await client.version(callContext());
  const harness: Harness = {
    // What is active and what has ended are two lists of Airflow 2, which take no run ids (2.11.2).
    ...(dialect.prefix === '/api/v1' ? { listsBeside: 1 } : {}),
    connect: () => airflowEngine.create({ ...options, url: network.url }, hostWithoutDatabase()),
    ...WRITTEN[written],
    restart: { impossible: 'tasks of the lab end with its scheduler' },
    // Of all that is lost with a database the sentinel is what must be noticed.
    wipe: async () => client.delete(`/variables/signalbox-${INSTALLATION_ID}`, callContext()),
    forget: async ({ externalId = '' }) => {
      const [dagId = '', runId = ''] = externalId.split('/');
      await client.delete(runPath(dagId, runId), callContext());
    },
    people,
    wire: network.wire,
    // Each is a process.
    manyTaskRuns: 24,
    patienceMs: 120_000,
    cleanUp: async () => {
      await people.withdraw();
      client.close();
      await network.close();
    },
  };
  return harness;
}

/** The adapter keeps nothing in our database. */
export function hostWithoutDatabase(): EngineHost {
  const refuse = async (): Promise<never> => {
    throw new Error('the adapter of Airflow has no tables');
  };
  const silent = (): void => undefined;
  return {
    engineName: 'airflow',
    installationId: INSTALLATION_ID,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    database: { query: refuse, transaction: refuse },
    dataDir: '/nonexistent',
    executes: false,
  };
}

const SKIPS: Skip[] = [
  {
    reason: 'a definition is checked without the engine',
    cases: ['validate believes no broken answer'],
  },
  {
    reason: 'Airflow has no words for paused and cancelled',
    cases: ['observe knows every word the engine has for a run'],
  },
  {
    reason: 'a page and more of runs are hundreds of processes on a real Airflow',
    cases: ['list shows each execution once, over page borders'],
  },
  {
    reason: 'a page and more of DAGs are minutes of parsing',
    cases: ['discover shows each once, over page borders'],
  },
];

const COMPILED_SKIPS: Skip[] = [
  ...SKIPS,
  {
    reason: 'the graph of a portable definition is known without the engine',
    cases: ['describe believes no broken answer'],
  },
];

/** Holds the engine to the suite where it runs; where it does not, the skipped test says how it would. */
export async function conformsWhereItRuns(
  engine: string,
  variable: string,
  written: Written = 'native',
): Promise<void> {
  const name = written === 'native' ? engine : `${engine} compiled`;
  const options = endpointOf(variable);
  if (options)
    return describeConformance(name, () => airflowHarness(options, written), {
      skip: written === 'native' ? SKIPS : COMPILED_SKIPS,
    });
  test.skip(`${name} conforms (${variable} is not set: npm run engines -- up ${engine} starts one and says how)`, () =>
    undefined);
}
