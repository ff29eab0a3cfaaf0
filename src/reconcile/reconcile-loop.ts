import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { Engines } from '../engines/engines.js';
import { Log } from '../platform/log.js';
import { repeat } from '../platform/repeat.js';
import { Reconciler } from './reconciler.js';

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
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  start(): void {
    const every = this.config.reconcileIntervalMs;
    this.stops = this.engines.list().map(({ name }) => repeat(every, () => this.pass(name)));
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
}
