/**
 * How one attempt of a request ended badly: no answer at all (`lasting`: nobody listens there, or no such host), or an
 * answer that says "not now".
 */
export type Trouble =
  | { kind: 'connection'; lasting: boolean }
  | { kind: 'answer'; status: number; code: string | undefined; retryAfterMs: number | undefined };

export interface RetryBudget {
  /** Attempts made so far, from 1. */
  attempt: number;
  /** Since the first attempt began. */
  elapsedMs: number;
  /** Give up when the next attempt would start later than this. */
  patienceMs: number;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;
/** Most likely a wrong URL, so say so soon. A restart of the service still fits in. */
const LASTING_PATIENCE_MS = 1_500;

/**
 * Milliseconds to wait before the same request (with the same Idempotency-Key) is sent again, or undefined to give up.
 * Only for requests that are safe to repeat.
 */
export function decideRetry(trouble: Trouble, budget: RetryBudget): number | undefined {
  const backoff = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (budget.attempt - 1));
  let delay = backoff;
  let patience = budget.patienceMs;
  if (trouble.kind === 'connection') {
    if (trouble.lasting) patience = Math.min(patience, LASTING_PATIENCE_MS);
  } else {
    const temporary =
      trouble.status === 429 ||
      trouble.status === 503 ||
      (trouble.status === 409 && trouble.code === 'idempotency-in-progress');
    if (!temporary) return undefined;
    delay = trouble.retryAfterMs ?? backoff;
  }
  return budget.elapsedMs + delay <= patience ? delay : undefined;
}

/** `Retry-After` in milliseconds: seconds or an HTTP date; undefined when absent or unreadable. */
export function readRetryAfter(header: string | null, now: Date): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header.trim()) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}
