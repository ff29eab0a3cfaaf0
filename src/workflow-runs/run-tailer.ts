import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { isFinal } from '../lifecycle/run-state.js';
import { Database } from '../platform/database.js';
import { Drain } from '../platform/drain.js';
import { Log } from '../platform/log.js';
import { RunRefresher } from '../reconcile/run-refresher.js';
import { readNews, type EventRow, type NewsRow } from './lifecycle-events-store.js';

export interface News {
  /** After the `seq` asked from, in order; empty when the run has ended without any. */
  events: EventRow[];
  /** The run is final, and its last event is among these or before them. */
  ended: boolean;
}

interface Waiter {
  runId: number;
  seq: number;
  /** Not looked at yet: it wants to know the state even without news. */
  fresh: boolean;
  resolve: (news: News | undefined) => void;
}

/** Between two looks at the runs that are watched. */
const LOOK_EVERY_MS = 300;
/** Waiters that come together share their first look. */
const GATHER_MS = 5;

/**
 * Tells streams and long polls of this process what happens to their runs: one statement per look for all of them, by
 * `seq` per run. Whoever does not ask, because its client reads slowly, costs nothing and is told later.
 */
@Injectable()
export class RunTailer implements OnModuleDestroy {
  private readonly waiters = new Set<Waiter>();
  private timer: NodeJS.Timeout | undefined;
  private first: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly refresher: RunRefresher,
    private readonly log: Log,
    drain: Drain,
  ) {
    drain.signal.addEventListener('abort', () => this.close(), { once: true });
  }

  onModuleDestroy(): void {
    this.close();
  }

  /**
   * Resolves with the events after `seq`, or at once when the run is final and has none. Undefined when `signal` is aborted
   * or the process is stopping.
   */
  next(runId: number, seq: number, signal: AbortSignal): Promise<News | undefined> {
    if (this.closed || signal.aborted) return Promise.resolve(undefined);
    return new Promise((done) => {
      const waiter: Waiter = {
        runId,
        seq,
        fresh: true,
        resolve: (news) => {
          signal.removeEventListener('abort', leave);
          this.waiters.delete(waiter);
          done(news);
        },
      };
      const leave = (): void => waiter.resolve(undefined);
      signal.addEventListener('abort', leave, { once: true });
      this.waiters.add(waiter);
      this.first ??= setTimeout(() => {
        this.first = undefined;
        void this.look([...this.waiters].filter((one) => one.fresh));
      }, GATHER_MS);
    });
  }

  private close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.first);
    for (const waiter of [...this.waiters]) waiter.resolve(undefined);
  }

  private async look(waiters: Waiter[]): Promise<void> {
    try {
      const watched = together(waiters);
      if (watched.length > 0) tell(waiters, await readNews(this.database, watched));
      // Whoever is still waiting wants the engine looked at sooner; asking again and again is cheap.
      const runIds = new Set([...this.waiters].map((waiter) => waiter.runId));
      await Promise.all([...runIds].map((runId) => this.refresher.markWatched(runId)));
    } catch (error) {
      this.log.warn({ error, watched: waiters.length }, 'watched runs could not be looked at');
    }
    if (this.closed || this.waiters.size === 0 || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.look([...this.waiters]);
    }, LOOK_EVERY_MS);
  }
}

/** One entry per run, from the earliest `seq` anybody asks from. */
function together(waiters: readonly Waiter[]): { runId: number; seq: number; fresh: boolean }[] {
  const byRun = new Map<number, { runId: number; seq: number; fresh: boolean }>();
  for (const { runId, seq, fresh } of waiters) {
    const entry = byRun.get(runId);
    byRun.set(runId, {
      runId,
      seq: Math.min(entry?.seq ?? seq, seq),
      fresh: (entry?.fresh ?? false) || fresh,
    });
  }
  return [...byRun.values()];
}

function tell(waiters: readonly Waiter[], rows: readonly NewsRow[]): void {
  const byRun = new Map(rows.map((row) => [row.runId, row]));
  for (const waiter of waiters) {
    waiter.fresh = false;
    const row = byRun.get(waiter.runId);
    if (!row) continue;
    const events = (row.events ?? []).filter((event) => event.seq > waiter.seq);
    const upTo = events.at(-1)?.seq ?? waiter.seq;
    const ended = isFinal(row.state) && upTo >= row.lastSeq;
    if (events.length > 0 || ended) waiter.resolve({ events, ended });
  }
}
