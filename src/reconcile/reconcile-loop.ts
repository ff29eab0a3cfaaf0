import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { forgetOldAnswers } from '../platform/idempotency.js';
import { Database } from '../platform/database.js';
import { Log } from '../platform/log.js';
import { Reconciler } from './reconciler.js';

/** The same pass as `signalbox reconcile`, every RECONCILE_INTERVAL inside the service. Passes of one process never overlap. */
@Injectable()
export class ReconcileLoop {
  private timer: NodeJS.Timeout | undefined;
  private pass: Promise<void> = Promise.resolve();
  private running = false;

  constructor(
    private readonly reconciler: Reconciler,
    private readonly database: Database,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  start(): void {
    this.running = true;
    this.schedule(0);
  }

  async stop(): Promise<void> {
    this.running = false;
    clearTimeout(this.timer);
    await this.pass;
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => (this.pass = this.runPass()), delayMs);
  }

  private async runPass(): Promise<void> {
    const began = performance.now();
    try {
      await this.reconciler.pass();
      await forgetOldAnswers(this.database, this.config.idempotencyRetentionMs);
    } catch (error) {
      this.log.error({ err: error }, 'a reconcile pass did not finish');
    }
    if (this.running) this.schedule(Math.max(0, this.config.reconcileIntervalMs - (performance.now() - began)));
  }
}
