import { Injectable } from '@nestjs/common';
import { Dispatcher } from './dispatch/dispatcher.js';
import { HintFollower } from './dispatch/hint-follower.js';
import { WakeUps } from './dispatch/wake-ups.js';
import { ReconcileLoop } from './reconcile/reconcile-loop.js';
import { TidyLoop } from './retention/tidy-loop.js';
import type { Roles } from './roles.js';
import { Registrar } from './workflows/registrar.js';

/** The loops of a process, started and stopped together. */
@Injectable()
export class Background {
  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly hints: HintFollower,
    private readonly wakeUps: WakeUps,
    private readonly registrar: Registrar,
    private readonly reconciling: ReconcileLoop,
    private readonly tidying: TidyLoop,
  ) {}

  async start(roles: Roles): Promise<void> {
    if (roles.worker) {
      this.dispatcher.start();
      this.hints.start();
      this.registrar.start();
      await this.wakeUps.listen((engine, newRunId) => this.dispatcher.wake(engine, newRunId));
    }
    if (roles.reconcile) {
      this.reconciling.start();
      this.tidying.start();
    }
  }

  /** Takes no more work and waits for what is in hand. */
  async stop(): Promise<void> {
    const loops = [this.reconciling, this.tidying, this.registrar, this.hints, this.dispatcher];
    await Promise.all(loops.map((loop) => loop.stop()));
    await this.wakeUps.close();
  }
}
