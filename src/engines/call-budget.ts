export const CALL_CLASSES = ['intent', 'reconcile', 'read'] as const;
export type CallClass = (typeof CALL_CLASSES)[number];

/**
 * A token bucket whose last part is reserved: reads stop at half of it, reconciliation at a quarter, intents may empty it.
 * So a storm of GETs never delays a submit or a cancel.
 */
export class CallBudget {
  private readonly burst: number;
  private tokens: number;
  private refilledAt: number;

  /**
   * `perSecond` calls on average, `burst` at once, but never less than one. `now` must not jump: by default the process's
   * monotonic clock, in milliseconds.
   */
  constructor(
    private readonly perSecond: number,
    burst: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.burst = Math.max(1, burst);
    this.tokens = this.burst;
    this.refilledAt = now();
  }

  /** Takes one call if the class still has one. */
  tryTake(callClass: CallClass): boolean {
    this.refill();
    if (this.tokens - 1 < this.reserved(callClass)) return false;
    this.tokens -= 1;
    return true;
  }

  /** Milliseconds until `tryTake` may succeed. */
  waitMs(callClass: CallClass): number {
    this.refill();
    const missing = this.reserved(callClass) + 1 - this.tokens;
    return missing <= 0 ? 0 : Math.ceil((missing / this.perSecond) * 1000);
  }

  /** A full bucket holds one call of every class, however small it is. */
  private reserved(callClass: CallClass): number {
    return Math.min(this.burst * RESERVED[callClass], this.burst - 1);
  }

  private refill(): void {
    const now = this.now();
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.refilledAt) / 1000) * this.perSecond);
    this.refilledAt = now;
  }
}

const RESERVED: Record<CallClass, number> = { intent: 0, reconcile: 0.25, read: 0.5 };
