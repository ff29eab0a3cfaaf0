import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, test } from '@jest/globals';
import { keepColumn, matrixText, type CaseResult } from '../../adapters/conformance/matrix.js';
import type { FaultCase } from './fault-case.js';
import { ENGINE_AWAY } from './cases/engine-away.js';
import { LOST_AND_DOUBLED } from './cases/lost-and-doubled.js';
import { CREDENTIALS } from './cases/credentials.js';
import { DEFINITIONS } from './cases/definitions.js';
import { LOST_MEMORY } from './cases/lost-memory.js';
import { PEOPLE } from './cases/people.js';
import { RealStage } from './real-stage.js';
import type { TroubledEngine } from './troubled-engine.js';

const CASES: readonly FaultCase[] = [
  ...LOST_AND_DOUBLED,
  ...PEOPLE,
  ...DEFINITIONS,
  ...ENGINE_AWAY,
  ...CREDENTIALS,
  // Last: an engine from a backup has forgotten what the others left there.
  ...LOST_MEMORY,
];
const LIMIT_MS = 600_000;
/** Nothing of it is committed. */
const FOLDER = join('coverage', 'engine-faults');

/**
 * Holds Signalbox to every case on one real engine, and prints the matrix of cases and engines at the end. A case that the engine
 * cannot be brought into is skipped with its reason. The engine is closed at the end.
 */
export function describeFaults(name: string, troubled: TroubledEngine): void {
  describe(`what befalls ${name}`, () => {
    const results: Record<string, CaseResult> = Object.fromEntries(CASES.map((one) => [titleOf(one), 'not run']));
    let stage: RealStage;

    beforeAll(async () => {
      stage = await RealStage.start(troubled);
    }, LIMIT_MS);
    afterEach(() => stage.calm());
    afterAll(async () => {
      await stage.close();
      const finishedAt = new Date().toISOString();
      process.stdout.write(`\n${matrixText(keepColumn({ engine: name, finishedAt, results }, FOLDER))}\n`);
    }, LIMIT_MS);

    for (const one of CASES) {
      const title = titleOf(one);
      const notApplicable = one.impossible?.(troubled);
      if (notApplicable !== undefined) {
        results[title] = { notApplicable };
        test.skip(`${title} (not applicable: ${notApplicable})`, () => undefined);
        continue;
      }
      test(
        title,
        async () => {
          results[title] = 'failed';
          await one.run(stage);
          results[title] = 'passed';
        },
        LIMIT_MS,
      );
    }
  });
}

function titleOf({ rows, title }: FaultCase): string {
  return [...rows, title].join(' ');
}
