import { Module, type DynamicModule } from '@nestjs/common';
import { Background } from './background.js';
import { Dispatcher, DispatchPorts } from './dispatch/dispatcher.js';
import { HintFollower } from './dispatch/hint-follower.js';
import { RunDriver } from './dispatch/run-driver.js';
import { WakeUps } from './dispatch/wake-ups.js';
import { Engines } from './engines/engines.js';
import { LifecycleRequests } from './lifecycle/lifecycle-requests.js';
import { KillPoints } from './platform/kill-points.js';
import { PlatformModule, type PlatformParts } from './platform/platform.module.js';
import { Observer } from './reconcile/observer.js';
import { ReconcileLoop } from './reconcile/reconcile-loop.js';
import { Reconciler } from './reconcile/reconciler.js';
import { RefreshPorts, RunRefresher } from './reconcile/run-refresher.js';
import { Registrar } from './workflows/registrar.js';

/** What the API and the loops share: who asks engines, who drives runs. */
const ENGINE_WORK = [
  Background,
  Dispatcher,
  DispatchPorts,
  HintFollower,
  LifecycleRequests,
  Observer,
  ReconcileLoop,
  Reconciler,
  RefreshPorts,
  Registrar,
  RunDriver,
  RunRefresher,
  WakeUps,
];

/** Controllers and their providers; only where the process answers the API. */
const API = { controllers: [], providers: [] };

export interface AppParts extends PlatformParts {
  engines: Engines;
  killPoints: KillPoints;
}

/** The features of a process, by its roles. */
@Module({})
export class AppModule {
  static of(parts: AppParts, roles: { api: boolean }): DynamicModule {
    return {
      module: AppModule,
      imports: [PlatformModule.of(parts)],
      controllers: roles.api ? API.controllers : [],
      providers: [
        { provide: Engines, useValue: parts.engines },
        { provide: KillPoints, useValue: parts.killPoints },
        ...ENGINE_WORK,
        ...(roles.api ? API.providers : []),
      ],
    };
  }
}
