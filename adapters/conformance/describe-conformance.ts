import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { OPTIONAL_VERBS } from '../spi/engine-adapter.js';
import { plan } from './applicability.js';
import type { PlannedCase } from './applicability.js';
import type { World } from './conformance-case.js';
import { arranged, isImpossible } from './harness.js';
import type { Harness, Skip } from './harness.js';
import { keepColumn, matrixText } from './matrix.js';
import type { CaseResult } from './matrix.js';
import { makeWorld } from './world.js';

/**
 * Holds one engine's adapter to the whole suite and prints the matrix of cases at the end. Which cases apply follows
 * from what the adapter declares, so a test file awaits this at its top level. The harness is cleaned up at the end.
 */
export async function describeConformance(
  engine: string,
  makeHarness: () => Promise<Harness>,
  options: { skip?: readonly Skip[] } = {},
): Promise<void> {
  const harness = await makeHarness();
  const adapter = await harness.connect();
  const planned = plan(adapter.capabilities, harness, options.skip ?? []);
  const world = makeWorld(adapter, harness);
  const results: Record<string, CaseResult> = Object.fromEntries(
    planned.map(({ title, notApplicable }) => [title, notApplicable === undefined ? 'not run' : { notApplicable }]),
  );

  describe(`${engine} conforms`, () => {
    afterEach(async () => {
      if (!isImpossible(harness.wire)) await harness.wire.heal();
    });

    afterAll(async () => {
      await adapter.close();
      await harness.cleanUp();
      const finishedAt = new Date().toISOString();
      process.stdout.write(`\n${matrixText(keepColumn({ engine, finishedAt, results }))}\n`);
    });

    test('declares exactly the verbs it has written', () => {
      const written = OPTIONAL_VERBS.filter((verb) => typeof adapter[verb] === 'function');
      expect(written).toEqual(OPTIONAL_VERBS.filter((verb) => adapter.capabilities.verbs[verb] !== 'none'));
    });

    for (const one of planned) {
      if (one.notApplicable !== undefined) {
        test.skip(`${one.title} (not applicable: ${one.notApplicable})`, () => undefined);
        continue;
      }
      const limitMs = 2 * harness.patienceMs + 30_000;
      test(
        one.title,
        async () => {
          results[one.title] = 'failed';
          await runCase(one, world);
          results[one.title] = 'passed';
        },
        limitMs,
      );
    }
  });
}

/** Runs one case that applies. Rejects with what does not hold. */
export async function runCase({ testCase }: PlannedCase, world: World): Promise<void> {
  if (testCase.wire !== true) return testCase.run(world);
  return testCase.run({ ...world, wire: arranged(world.harness.wire) });
}
