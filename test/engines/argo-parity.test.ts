/** The portable workflows of all engines on a real Argo and on the local engine, side by side. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { argoEndpoint, NOT_UP } from '../../adapters/argo/argo-endpoint.test-support.js';
import { connectArgo } from '../../adapters/argo/argo-lab.test-support.js';
import { callContext } from '../../adapters/conformance/world.js';
import type { EngineAdapter } from '../../adapters/spi/engine-adapter.js';
import { PARITY_CASES } from './parity-cases.js';
import type { ParityCase } from './parity-cases.js';
import { localSide, outcomeOn, runOn, toOutcome } from './parity.js';
import type { Json } from '../../definition/definition-types.js';
import { sideBySide } from './side-by-side.js';

const PATIENCE_MS = 300_000;

const found = argoEndpoint();
describe('a real Argo', () => {
  if (!found) {
    test.skip(NOT_UP, () => undefined);
    return;
  }
  let local: Awaited<ReturnType<typeof localSide>>;
  let adapter: EngineAdapter;

  beforeAll(async () => {
    local = await localSide();
    adapter = await connectArgo(found, 'server');
  }, PATIENCE_MS);
  afterAll(async () => {
    await adapter.close();
    await local.close();
  });

  test.each(PARITY_CASES.map((original) => ({ original, row: inContainers(original), name: original.name })))(
    '$name',
    async ({ original, row }) => {
      const { workflow, ref, facts } = await runOn(adapter, row, PATIENCE_MS);
      const there = toOutcome(facts, await adapter.describe(workflow, callContext()));
      // Others may use the same Argo: only what was made here is taken away.
      await adapter.forget?.([ref], callContext());
      await adapter.retire(workflow, callContext());
      const here = await outcomeOn(local.adapter, row, PATIENCE_MS);
      if (original === PARITY_CASES[0]) {
        process.stdout.write(`\n${sideBySide(original.text, { local: here, argo: there })}\n`);
      }
      expect(there).toEqual(here);
    },
    2 * PATIENCE_MS,
  );
});

/** What runs in a container has an image. */
function inContainers(row: ParityCase): ParityCase {
  const definition = parse(row.text) as { defaults?: object };
  const text = JSON.stringify({ ...definition, defaults: { image: 'localhost/busybox:1', ...definition.defaults } });
  return { ...row, text, parameters: sorted(row.parameters) };
}

/** Argo writes the members of an object that a task left sorted by their bytes (README.md): here they are so from the start. */
function sorted(value: Record<string, Json>): Record<string, Json> {
  const names = Object.keys(value).filter((name) => !/^\d+$/.test(name));
  return Object.fromEntries(
    names.sort().map((name) => [name, isObject(value[name]) ? sorted(value[name]) : (value[name] ?? null)]),
  );
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
