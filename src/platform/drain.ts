/** Says that the process is stopping: readiness ends, new requests are refused, streams and loops end. Injected by class. */
export class Drain {
  readonly #controller = new AbortController();

  /** Aborted once stopping begins. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get begun(): boolean {
    return this.signal.aborted;
  }

  begin(): void {
    this.#controller.abort();
  }
}
