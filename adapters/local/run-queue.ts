/** Connections of the database that advancing runs may hold at once: most of the pool is the service's. */
const AT_ONCE = 4;

/** Ids that are to be handled: each by one at a time, once more when it was added meanwhile, a few in parallel. */
export class RunQueue {
  readonly #handle: (id: number) => Promise<void>;
  readonly #waiting = new Set<number>();
  readonly #busy = new Map<number, Promise<void>>();
  #closed = false;

  /** `handle` must not throw. */
  constructor(handle: (id: number) => Promise<void>) {
    this.#handle = handle;
  }

  add(id: number): void {
    if (this.#closed) return;
    this.#waiting.add(id);
    // In the next turn: what is added in this one is handled together.
    queueMicrotask(() => this.#pump());
  }

  /** Not once more what was added meanwhile: whoever handles it says when. */
  drop(id: number): void {
    this.#waiting.delete(id);
  }

  /** Resolves when nothing is handled any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#busy.values());
  }

  #pump(): void {
    for (const id of this.#waiting) {
      if (this.#closed || this.#busy.size >= AT_ONCE) return;
      if (this.#busy.has(id)) continue;
      this.#waiting.delete(id);
      this.#busy.set(id, this.#work(id));
    }
  }

  async #work(id: number): Promise<void> {
    await this.#handle(id);
    this.#busy.delete(id);
    this.#pump();
  }
}
