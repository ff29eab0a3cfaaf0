import type { RetryCause, RetryPolicy } from './definition-types.js';

export type RetryDecision = { retry: true; delayMs: number } | { retry: false };

/** Timers take no longer waits (2^31 - 1 ms, almost 25 days). */
const MAX_DELAY_MS = 2_147_483_647;

/**
 * Whether an attempt that ended is followed by another one, and after how many milliseconds.
 * @param attempts made in this budget, the ended one counted; a retry of the run starts a new budget at 1
 * @param exitCode of the ended attempt, where a process exited
 */
export function nextRetry(policy: RetryPolicy, attempts: number, cause: RetryCause, exitCode?: number): RetryDecision {
  if (attempts > policy.max || !policy.on.includes(cause)) return { retry: false };
  const { exitCodes } = policy;
  if (cause === 'failure' && exitCodes !== undefined && !(exitCode !== undefined && exitCodes.includes(exitCode))) {
    return { retry: false };
  }
  // 0 * Infinity has no value: without a delay there is nothing that could grow.
  const grown = policy.delayMs === 0 ? 0 : policy.delayMs * policy.backoff ** Math.max(0, attempts - 1);
  return { retry: true, delayMs: Math.round(Math.min(grown, policy.maxDelayMs ?? MAX_DELAY_MS, MAX_DELAY_MS)) };
}
