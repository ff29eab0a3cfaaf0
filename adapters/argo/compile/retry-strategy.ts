import type { RetryPolicy } from '../../../definition/definition-types.js';

/** What the runner says of an attempt that took too long; Argo hands its last words to `lastRetry.message`. */
export const TIMED_OUT = 'timed-out';

/** Argo counts in nanoseconds of 64 bits. */
const LONGEST_NANOSECONDS = 9e18;
const LONGEST_DELAY_MS = 2_147_483_647;

/** Argo's words for a policy; nothing where there are no retries. */
export function retryStrategy(policy: RetryPolicy): object | undefined {
  if (policy.max === 0 || policy.on.length === 0) return undefined;
  const expression = expressionOf(policy);
  const backoff = backoffOf(policy);
  return {
    limit: String(policy.max),
    retryPolicy: 'Always',
    ...(expression === undefined ? {} : { expression }),
    ...(backoff === undefined ? {} : { backoff }),
  };
}

/** Why Argo cannot do it; nothing when it can. */
export function retryRefusal({ max, delayMs, backoff }: RetryPolicy): string | undefined {
  if (delayMs === 0 || max < 2) return undefined;
  if (!Number.isInteger(backoff)) return 'Argo multiplies a delay by whole numbers only';
  const longest = delayMs * 1e6 * backoff ** (max - 1);
  return longest > LONGEST_NANOSECONDS ? 'the last delay would be longer than Argo can count' : undefined;
}

function backoffOf({ max, delayMs, backoff, maxDelayMs }: RetryPolicy): object | undefined {
  if (delayMs === 0) return undefined;
  const cap = Math.min(maxDelayMs ?? LONGEST_DELAY_MS, LONGEST_DELAY_MS);
  const grows = backoff > 1 && max > 1;
  const capped = delayMs * (grows ? backoff ** (max - 1) : 1) > cap;
  return {
    duration: `${delayMs}ms`,
    ...(grows ? { factor: backoff } : {}),
    ...(capped ? { cap: `${cap}ms` } : {}),
  };
}

/** Only what the policy names is tried again: an attempt without an exit code never got so far as to fail by itself. */
function expressionOf({ on, exitCodes }: RetryPolicy): string | undefined {
  if (on.length === 3 && exitCodes === undefined) return undefined;
  const timedOut = `(lastRetry.message contains ': signalbox ${TIMED_OUT}: ')`;
  const infra = `(lastRetry.exitCode == '-1' || lastRetry.status == 'Error')`;
  const codes =
    exitCodes === undefined ? '' : ` && lastRetry.exitCode in [${exitCodes.map((code) => `'${code}'`).join(', ')}]`;
  const causes = on.map((cause) => {
    if (cause === 'timeout') return timedOut;
    return cause === 'infra' ? infra : `(!${timedOut} && !${infra}${codes})`;
  });
  return causes.join(' || ');
}
