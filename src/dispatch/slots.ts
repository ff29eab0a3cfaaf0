/** The calls that may be under way at one engine. Who comes first is served first. */
export class Slots {
  private free: number;
  private closed = false;
  private readonly waiting: ((release: (() => void) | undefined) => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Resolves with what gives the slot back, once or more often; undefined when no work is begun any more. */
  take(): Promise<(() => void) | undefined> {
    if (this.closed) return Promise.resolve(undefined);
    if (this.free === 0) return new Promise((resolve) => this.waiting.push(resolve));
    this.free -= 1;
    return Promise.resolve(this.releaser());
  }

  /** Nobody gets a slot from now on, those who wait neither. */
  close(): void {
    this.closed = true;
    for (const resolve of this.waiting.splice(0)) resolve(undefined);
  }

  private releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.waiting.shift();
      if (next) next(this.releaser());
      else this.free += 1;
    };
  }
}
