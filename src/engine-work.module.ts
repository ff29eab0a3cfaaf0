import { Module, type DynamicModule } from '@nestjs/common';
import { Background } from './background.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { HintFollower } from './dispatch/hint-follower.js';
import { ObserveStep } from './dispatch/observe-step.js';
import { RetrySteps } from './dispatch/retry-steps.js';
import { RunDriver } from './dispatch/run-driver.js';
import { SteerSteps } from './dispatch/steer-steps.js';
import { SubmitSteps } from './dispatch/submit-steps.js';
import { WakeUps } from './dispatch/wake-ups.js';
import { Engines } from './engines/engines.js';
import { LifecycleRequests } from './lifecycle/lifecycle-requests.js';
import { KillPoints } from './platform/kill-points.js';
import { Telemetry } from './platform/telemetry.js';
import { Observer } from './reconcile/observer.js';
import { ReconcileLoop } from './reconcile/reconcile-loop.js';
import { Reconciler } from './reconcile/reconciler.js';
import { RunRefresher } from './reconcile/run-refresher.js';
import { Retention } from './retention/retention.js';
import { TidyLoop } from './retention/tidy-loop.js';
import { Registrar } from './workflows/registrar.js';

const WORK = [
  Background,
  Dispatcher,
  HintFollower,
  LifecycleRequests,
  ObserveStep,
  Observer,
  ReconcileLoop,
  Reconciler,
  Registrar,
  Retention,
  RetrySteps,
  RunDriver,
  RunRefresher,
  SteerSteps,
  SubmitSteps,
  Telemetry,
  TidyLoop,
  WakeUps,
];

export interface EngineWorkParts {
  engines: Engines;
  killPoints: KillPoints;
}

/** What the API and the loops share: who asks engines, who drives runs. Any feature may inject it. */
@Module({})
export class EngineWorkModule {
  static of(parts: EngineWorkParts): DynamicModule {
    return {
      module: EngineWorkModule,
      global: true,
      providers: [
        { provide: Engines, useValue: parts.engines },
        { provide: KillPoints, useValue: parts.killPoints },
        ...WORK,
      ],
      exports: [Engines, KillPoints, ...WORK],
    };
  }
}
