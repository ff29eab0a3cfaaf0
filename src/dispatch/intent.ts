import type { Engine } from '../engines/engines.js';
import type { Execution } from '../lifecycle/run-record.js';
import type { Visit } from './visit.js';

/** Milliseconds after which an intent that waited for its call is committed again, at most. */
export const INTENT_FRESH_MS = 1_000;

/** One committed statement before every call, where the wish still wants it and the lease is ours. */
export async function commitIntent(engine: Engine, visit: Visit): Promise<boolean> {
  const { desired, execution: planned } = visit.run;
  await visit.write(
    (run) => {
      const { execution } = run;
      if (run.desired !== desired || execution.outcome !== planned.outcome) return undefined;
      return {
        execution: {
          ...execution,
          outcome: 'in_flight',
          attemptedAt: run.readAt,
          firstAttemptedAt: execution.firstAttemptedAt ?? run.readAt,
          engineEpoch: execution.engineEpoch ?? engine.epoch ?? engine.lastEpoch ?? null,
          absentSince: null,
          absentUntil: null,
          lookups: 0,
        },
      };
    },
    { fenced: true, keep: true },
  );
  return visit.held && visit.run.execution.outcome === 'in_flight' && visit.wrote;
}

/** Takes an intent back that no call followed, unless the run is no longer ours. */
export async function withdrawIntent(visit: Visit, uncalled: Execution): Promise<void> {
  if (!visit.held) return;
  await visit.write((run) => (run.execution.outcome === 'in_flight' ? { execution: uncalled } : undefined), {
    fenced: true,
    dueInMs: 0,
  });
}
