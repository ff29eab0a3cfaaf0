/**
 * Opens after consecutive failures to reach an engine, so that a sick engine costs a timer and not every caller a time-out.
 * After the pause one call alone is let through: it closes the breaker or opens it for longer.
 */
export class CircuitBreaker {
  private failures = 0;
  /** Undefined = closed. */
  private openUntil: number | undefined;
  private trying = false;
  private pauseMs = FIRST_PAUSE_MS;

  /** `now` must not jump: by default the process's monotonic clock, in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Milliseconds until calls are allowed again; 0 = allowed now. */
  remainingMs(): number {
    if (this.openUntil === undefined) return 0;
    const leftMs = this.openUntil - this.now();
    return leftMs > 0 ? leftMs : this.trying ? TRIAL_MS : 0;
  }

  /** Right before a call that was allowed; `succeeded` or `failed` follows. */
  enter(): void {
    if (this.openUntil !== undefined) this.trying = true;
  }

  succeeded(): void {
    this.failures = 0;
    this.openUntil = undefined;
    this.trying = false;
    this.pauseMs = FIRST_PAUSE_MS;
  }

  /** `retryAfterMs` is the engine's own word and opens at once. */
  failed(retryAfterMs?: number): void {
    const wasTrial = this.trying;
    this.trying = false;
    this.failures += 1;
    if (retryAfterMs !== undefined) {
      this.openUntil = Math.max(this.openUntil ?? 0, this.now() + retryAfterMs);
      return;
    }
    // Calls that were under way when it opened say nothing new.
    if (!wasTrial && (this.openUntil !== undefined || this.failures < FAILURES_TO_OPEN)) return;
    this.openUntil = this.now() + this.pauseMs;
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** When to ask again while a trial is under way. */
const TRIAL_MS = 1_000;
