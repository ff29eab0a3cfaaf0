import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Engines } from '../engines/engines.js';
import { forgetOldAnswers } from '../platform/idempotency.js';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';
import { Retention } from '../retention/retention.js';
import { Reconciler } from './reconciler.js';
import { forgetOldClaims } from './run-refresher.js';

/** Milliseconds between two looks for what is old: nobody waits for it. */
const TIDY_MS = 60_000;

/**
 * The same pass as `signalbox reconcile`, every RECONCILE_INTERVAL inside the service, each engine by itself: one that is slow
 * keeps no other waiting. Passes over one engine never overlap in one process.
 */
@Injectable()
export class ReconcileLoop {
  private stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly reconciler: Reconciler,
    private readonly engines: Engines,
    private readonly retention: Retention,
    private readonly database: Database,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  start(): void {
    const every = this.config.reconcileIntervalMs;
    this.stops = [
      ...this.engines.list().map(({ name }) => repeat(every, () => this.pass(name))),
      repeat(Math.max(every, TIDY_MS), () => this.tidy()),
    ];
  }

  async stop(): Promise<void> {
    await Promise.all(this.stops.map((stop) => stop()));
  }

  private async pass(engine: string): Promise<void> {
    try {
      await this.reconciler.pass({ engine });
    } catch (error) {
      this.log.error({ engine, err: error }, 'a reconcile pass did not finish');
    }
  }

  private async tidy(): Promise<void> {
    try {
      await forgetOldAnswers(this.database, this.config.idempotencyRetentionMs);
      await forgetOldClaims(this.database);
      await this.retention.pass();
    } catch (error) {
      this.log.warn({ err: error }, 'what is old could not be forgotten');
    }
  }
}

/** Does `work`, which never throws, now and every `intervalMs`, never twice at once. The result ends it, after the last one. */
function repeat(intervalMs: number, work: () => Promise<void>): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let last: Promise<void> = Promise.resolve();
  let running = true;
  const lap = async (): Promise<void> => {
    const began = performance.now();
    await work();
    if (running) schedule(Math.max(0, intervalMs - (performance.now() - began)));
  };
  const schedule = (delayMs: number): void => {
    timer = setTimeout(() => (last = lap()), delayMs);
  };
  schedule(0);
  return async () => {
    running = false;
    clearTimeout(timer);
    await last;
  };
}
