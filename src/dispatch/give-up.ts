/** The end of a run without the engine's word. No call is made for it. */
import type { Step } from './next-step.js';
import { later, type Visit } from './visit.js';

export type Verdict = Extract<Step, { do: 'fail' | 'give-up-cancelled' }>;

/** A verdict about the record it was decided on: one that was seen on its engine meanwhile is planned anew. */
export function giveUp(visit: Visit, step: Verdict): Promise<void> {
  return visit.write((run) => {
    if (!visit.isNext(run, step.do)) return undefined;
    const tombstoneUntil = step.tombstoneMs === null ? null : later(run, step.tombstoneMs);
    return {
      verdict:
        step.do === 'fail'
          ? { state: 'FAILED', failure: step.failure }
          : { state: 'CANCELLED', reason: 'never-seen-on-engine' },
      execution: { ...run.execution, tombstoneUntil },
    };
  });
}
