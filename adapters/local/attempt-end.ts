import type { AttemptSpec } from './attempt-folder.js';
import type { AttemptProcesses } from './attempt-processes.js';
import { stopProcesses } from './attempt-processes.js';

/** Longest delay a timer of node can hold. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** How the attempt is brought to its end: asked for, timed out, or only tidied up after the task ended by itself. */
export class AttemptEnd {
  readonly #spec: AttemptSpec;
  readonly #hurry = new AbortController();
  #processes: AttemptProcesses | undefined;
  #stopping: Promise<unknown> | undefined;
  #timer: NodeJS.Timeout | undefined;
  cause: 'stopped' | 'timed-out' | undefined;

  constructor(spec: AttemptSpec) {
    this.#spec = spec;
  }

  /** From here on there is something to stop. `wish` was written before the signal handlers were there. */
  begin(processes: AttemptProcesses, wish: 'graceful' | 'force' | undefined): void {
    this.#processes = processes;
    if (this.#spec.timeoutMs !== undefined) this.#expireIn(this.#spec.timeoutMs);
    if (wish !== undefined) this.stop(wish);
  }

  stop(mode: 'graceful' | 'force'): void {
    this.cause ??= 'stopped';
    if (mode === 'force') this.#hurry.abort();
    void this.#begin();
  }

  /** Resolves when no process of the attempt lives any more. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#begin();
  }

  #expireIn(ms: number): void {
    this.#timer = setTimeout(
      () => {
        if (ms > LONGEST_TIMER_MS) return this.#expireIn(ms - LONGEST_TIMER_MS);
        this.cause ??= 'timed-out';
        void this.#begin();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
  }

  #begin(): Promise<unknown> {
    if (this.#processes === undefined) return Promise.resolve();
    this.#stopping ??= stopProcesses(this.#processes, this.#spec.graceMs, this.#hurry.signal);
    return this.#stopping;
  }
}
