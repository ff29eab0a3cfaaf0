/** Opens after consecutive failures to reach an engine, so that a sick engine costs a timer and not every caller a time-out. */
export class CircuitBreaker {
  private failures = 0;
  private openUntil = 0;
  private pauseMs = FIRST_PAUSE_MS;

  constructor(private readonly now: () => number = Date.now) {}

  /** Milliseconds until calls are allowed again; 0 = allowed now. */
  remainingMs(): number {
    return Math.max(0, this.openUntil - this.now());
  }

  succeeded(): void {
    this.failures = 0;
    this.openUntil = 0;
    this.pauseMs = FIRST_PAUSE_MS;
  }

  /** `retryAfterMs` is the engine's own word and opens at once. */
  failed(retryAfterMs?: number): void {
    this.failures += 1;
    if (retryAfterMs !== undefined) {
      this.openUntil = Math.max(this.openUntil, this.now() + retryAfterMs);
      return;
    }
    if (this.failures < FAILURES_TO_OPEN) return;
    this.openUntil = this.now() + this.pauseMs;
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

const FAILURES_TO_OPEN = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
