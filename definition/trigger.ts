import type { Trigger } from './definition-types.js';

/** States in which a task run ends. */
export type FinalTaskState = 'COMPLETED' | 'FAILED' | 'SKIPPED' | 'CANCELLED';

/**
 * Why a task is SKIPPED: `upstream-failed` = one of its needs failed or was cancelled, `upstream-skipped` = none did but
 * not all completed, `no-upstream-failed` = it waited for a failure and there was none.
 */
export type SkipReason = 'upstream-skipped' | 'upstream-failed' | 'no-upstream-failed';

export type TriggerDecision = { run: true } | { run: false; reason: SkipReason };

/**
 * Whether a task starts, once all its needs are final. `allowFailure` of an upstream task changes nothing here: it
 * failed all the same. CANCELLED counts as failed.
 */
export function decideTrigger(trigger: Trigger, upstream: readonly FinalTaskState[]): TriggerDecision {
  const completed = upstream.filter((state) => state === 'COMPLETED').length;
  const failed = upstream.some((state) => state === 'FAILED' || state === 'CANCELLED');
  const notCompleted = failed ? 'upstream-failed' : 'upstream-skipped';
  switch (trigger) {
    case 'all-done':
      return { run: true };
    case 'all-succeeded':
      return completed === upstream.length ? { run: true } : { run: false, reason: notCompleted };
    case 'any-succeeded':
      return completed > 0 ? { run: true } : { run: false, reason: notCompleted };
    case 'any-failed':
      return failed ? { run: true } : { run: false, reason: 'no-upstream-failed' };
  }
}
