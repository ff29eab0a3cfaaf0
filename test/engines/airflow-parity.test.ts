/** Portable workflows on a real Airflow and on the local engine, side by side. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { airflowEngine } from '../../adapters/airflow/airflow.engine-kind.js';
import { endpointOf, hostWithoutDatabase } from '../../adapters/airflow/airflow-conformance.test-support.js';
import { callContext } from '../../adapters/conformance/world.js';
import type { EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { HOSTILE, PARITY_CASES, localSide, outcomeOn, runOn } from './parity.js';

const PATIENCE_MS = 240_000;

describe.each([
  ['airflow3', 'AIRFLOW3_ENDPOINT'],
  ['airflow2', 'AIRFLOW2_ENDPOINT'],
])('%s', (engine, variable) => {
  const options = endpointOf(variable);
  if (options === undefined) {
    test.skip(`${variable} is not set: npm run engines -- up ${engine} starts one and says how`, () => undefined);
    return;
  }
  let local: Awaited<ReturnType<typeof localSide>>;
  let adapter: EngineAdapter;

  beforeAll(async () => {
    local = await localSide();
    adapter = await airflowEngine.create(options, hostWithoutDatabase());
  }, PATIENCE_MS);
  afterAll(async () => {
    await adapter.close();
    await local.close();
  });

  test.each(PARITY_CASES)(
    'ends as the local engine ends: $name',
    async (parity) => {
      const ours = await outcomeOn(local.adapter, parity, PATIENCE_MS);
      expect(await outcomeOn(adapter, parity, PATIENCE_MS)).toEqual(ours);
    },
    2 * PATIENCE_MS,
  );
});
