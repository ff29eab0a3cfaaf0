import { Injectable } from '@nestjs/common';
import { Dispatcher } from './dispatch/dispatcher.js';
import { HintFollower } from './dispatch/hint-follower.js';
import { WakeUps } from './dispatch/wake-ups.js';
import { ReconcileLoop } from './reconcile/reconcile-loop.js';
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
  ) {}

  async start(roles: Roles): Promise<void> {
    if (roles.worker) {
      this.dispatcher.start();
      this.hints.start();
      this.registrar.start();
      await this.wakeUps.listen((engine) => this.dispatcher.wake(engine));
    }
    if (roles.reconcile) this.reconciling.start();
  }

  /** Takes no more work and waits for what is in hand. */
  async stop(): Promise<void> {
    await Promise.all([this.reconciling.stop(), this.registrar.stop(), this.hints.stop(), this.dispatcher.stop()]);
    await this.wakeUps.close();
  }
}
