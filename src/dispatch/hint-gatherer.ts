/** Hints are gathered this long into one look. */
const GATHER_MS = 30;
/**
 * While runs wait for a slot of the engine: one look a second, at so many. Each takes a call from a submit, and what a few more
 * would tell of hundreds that change a second is what the next pass tells of all.
 */
const BUSY_GATHER_MS = 1_000;
const BUSY_LOOK = 2;
/** More are not remembered: a pass finds what they would have told. */
const REMEMBERED = 10_000;

export interface GatheredLooks {
  look: (keys: string[]) => Promise<void>;
  /** Whether runs wait for the engine: then submits go first, and looks cost them little. */
  isBusy: () => boolean;
}

/** Gathers an engine's hints into looks, one at a time. */
export class HintGatherer {
  private readonly keys = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly looks: GatheredLooks) {}

  add(key: string): void {
    if (this.keys.size >= REMEMBERED) return;
    this.keys.add(key);
    this.schedule();
  }

  /** No further look begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private schedule(): void {
    if (this.stopped || this.looking) return;
    this.timer ??= setTimeout(() => this.begin(), this.looks.isBusy() ? BUSY_GATHER_MS : GATHER_MS);
  }

  private begin(): void {
    this.timer = undefined;
    const keys = [...this.keys].slice(0, this.looks.isBusy() ? BUSY_LOOK : REMEMBERED);
    for (const key of keys) this.keys.delete(key);
    this.looking = this.looks.look(keys).finally(() => {
      this.looking = undefined;
      if (this.keys.size > 0) this.schedule();
    });
  }
}
