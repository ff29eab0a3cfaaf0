/**
 * Ctrl-C in two steps. The first asks: `onAsk` runs once, and the work ends in its own way. The second forces: `forced`
 * is aborted. Other ending signals count like Ctrl-C.
 */
export class GracefulStop {
  readonly #forced = new AbortController();
  readonly #listener = (): void => this.press();
  #asked = false;
  #onAsk: (() => void) | undefined;

  /** Begins to listen; `dispose` ends it. */
  listen(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, this.#listener);
  }

  dispose(): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, this.#listener);
  }

  get asked(): boolean {
    return this.#asked;
  }

  get forced(): AbortSignal {
    return this.#forced.signal;
  }

  /** What the first Ctrl-C does from now on; at once when it came before. */
  onAsk(action: () => void): void {
    this.#onAsk = action;
    if (this.#asked) action();
  }

  press(): void {
    if (this.#asked) {
      this.#forced.abort(new Error('stopped by a second Ctrl-C'));
      return;
    }
    this.#asked = true;
    this.#onAsk?.();
  }
}
