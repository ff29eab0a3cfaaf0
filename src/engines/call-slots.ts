import { CALL_CLASSES, type CallClass } from './call-budget.js';

interface Waiting {
  /** The moment it asked, put back by the patience of its class: the earliest is next. */
  rank: number;
  give: (release: (() => void) | undefined) => void;
}

/**
 * How much later than an intent a call of this class may be served, in milliseconds. Looks let submits and cancels pass, but
 * only such as came less than this after them: a backlog of submits makes looks slower, never silent.
 */
const PATIENCE_MS: Record<CallClass, number> = { intent: 0, reconcile: 1_000, read: 1_500 };

/** The calls that one process has under way at one engine. Intents go first, then reconciliation, then reads, within bounds. */
export class CallSlots {
  private readonly queues: Record<CallClass, Waiting[]> = { intent: [], reconcile: [], read: [] };
  private free: number;

  /** `now` must not jump: by default the process's monotonic clock, in milliseconds. */
  constructor(
    count: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.free = count;
  }

  /** Resolves with what gives the slot back, once or more often; undefined when there was none within `longestMs`. */
  take(callClass: CallClass, longestMs: number): Promise<(() => void) | undefined> {
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve(this.releaser());
    }
    return new Promise((resolve) => {
      const queue = this.queues[callClass];
      const waiting: Waiting = {
        rank: this.now() + PATIENCE_MS[callClass],
        give: (release) => {
          clearTimeout(timer);
          resolve(release);
        },
      };
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(waiting), 1);
        resolve(undefined);
      }, longestMs);
      queue.push(waiting);
    });
  }

  private releaser(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.next();
      if (next) next.give(this.releaser());
      else this.free += 1;
    };
  }

  /** Who came first is first within a class, so only the heads are compared. */
  private next(): Waiting | undefined {
    let best: CallClass | undefined;
    for (const callClass of CALL_CLASSES) {
      const rank = this.queues[callClass][0]?.rank ?? Infinity;
      if (rank < (best === undefined ? Infinity : (this.queues[best][0]?.rank ?? Infinity))) best = callClass;
    }
    return best === undefined ? undefined : this.queues[best].shift();
  }
}
