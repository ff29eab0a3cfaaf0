import { OPTIONAL_VERBS } from '../spi/engine-adapter.js';
import type { Capabilities } from '../spi/engine-adapter.js';
import { CASES, caseTitle } from './case-book.js';
import type { ConformanceCase } from './conformance-case.js';
import { isImpossible } from './harness.js';
import type { Harness, Skip } from './harness.js';

export interface PlannedCase {
  title: string;
  testCase: ConformanceCase;
  /** Why the case does not apply to this engine; absent = it runs. */
  notApplicable?: string;
}

/** Which cases an engine is held to. Throws when a skip names a case that does not exist: it would excuse nothing. */
export function plan(
  capabilities: Capabilities,
  harness: Pick<Harness, 'wire' | 'restart' | 'wipe' | 'forget' | 'people'>,
  skips: readonly Skip[],
): PlannedCase[] {
  const excused = new Map(skips.flatMap(({ reason, cases }) => cases.map((title) => [title, reason] as const)));
  const planned: PlannedCase[] = [];
  for (const [group, cases] of Object.entries(CASES)) {
    const verb = OPTIONAL_VERBS.find((one) => one === group);
    for (const testCase of cases) {
      const title = caseTitle(group, testCase.name);
      const undeclared = verb && capabilities.verbs[verb] === 'none' ? `the engine declares ${verb}: none` : undefined;
      const reason = undeclared ?? excused.get(title) ?? missingNeed(testCase, harness);
      excused.delete(title);
      planned.push(reason === undefined ? { title, testCase } : { title, testCase, notApplicable: reason });
    }
  }
  if (excused.size > 0) throw new Error(`skips of cases that do not exist: ${[...excused.keys()].join('; ')}`);
  return planned;
}

function missingNeed(
  testCase: ConformanceCase,
  harness: Pick<Harness, 'wire' | 'restart' | 'wipe' | 'forget' | 'people'>,
): string | undefined {
  const needs = [...(testCase.wire ? (['wire'] as const) : []), ...(testCase.needs ?? [])];
  for (const need of needs) {
    const arrangement = harness[need];
    if (isImpossible(arrangement)) return arrangement.impossible;
  }
  return undefined;
}
