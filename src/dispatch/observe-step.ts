/** One whole look at a run that is driven, and what a failed one means for it. */
import { Injectable } from '@nestjs/common';
import type { Engine } from '../engines/engines.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { backOffMs } from '../platform/back-off.js';
import { Observer } from '../reconcile/observer.js';
import { afterUnseenRetry } from './after-call.js';
import { intentOf } from './run-calls.js';
import type { Visit } from './visit.js';

@Injectable()
export class ObserveStep {
  constructor(private readonly observer: Observer) {}

  async observe(engine: Engine, visit: Visit): Promise<void> {
    const askedAt = visit.now();
    const applied = await this.observer.observeWhole(engine, [visit.run], {
      ...intentOf(visit.run),
      source: 'engine',
      driving: true,
    });
    if (!(await visit.refresh())) return;
    const failed = applied.failed[0];
    if (failed) {
      const { message } = failed;
      return visit.write((run) => ({ lastError: unreadable(run, message), failures: run.failures + 1 }), {
        dueInMs: backOffMs(visit.run.failures + 1),
      });
    }
    if (visit.run.execution.outcome !== 'known' && visit.run.observed === null) {
      // The engine shows the baseline: the retry we sent has not been seen.
      return visit.write((run) => afterUnseenRetry(run, askedAt));
    }
    await visit.write((run) => ({ observedAt: run.observedAt ?? run.readAt, failures: 0 }));
  }
}

/** An overdue cancel stays said: it is what the client waits for. */
function unreadable(run: RunRecord, message: string): RunRecord['lastError'] {
  if (run.lastError?.code === 'cancel-overdue') return run.lastError;
  return { code: 'engine-unreadable', message, at: run.readAt.toISOString() };
}
