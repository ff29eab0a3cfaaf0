/** So many may be at work at once. Who comes first is served first. */
export class Slots {
  private free: number;
  private closed = false;
  private readonly queue: ((release: (() => void) | undefined) => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Resolves with what gives the slot back, once or more often; undefined when no work is begun any more. */
  take(): Promise<(() => void) | undefined> {
    if (this.closed) return Promise.resolve(undefined);
    if (this.free === 0) return new Promise((resolve) => this.queue.push(resolve));
    this.free -= 1;
    return Promise.resolve(this.releaser());
  }

  /** Nobody gets a slot from now on, those who wait neither. */
  close(): void {
    this.closed = true;
    for (const resolve of this.queue.splice(0)) resolve(undefined);
  }

  private releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.queue.shift();
      if (next) next(this.releaser());
      else this.free += 1;
    };
  }
}
