/** Drives one run: look at wish, execution and facts, do the one next thing, store, again; release when nothing is due. */
import { Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import type { RunToDrive } from '../lifecycle/run-store.js';
import { backOffMs } from '../platform/back-off.js';
import { Log } from '../platform/log.js';
import type { DriveLane } from './drive-lane.js';
import { giveUp, type Verdict } from './give-up.js';
import { nextStep, settlesForMs, type Step, type StepContext } from './next-step.js';
import { ObserveStep } from './observe-step.js';
import { RetrySteps } from './retry-steps.js';
import { SteerSteps } from './steer-steps.js';
import { SubmitSteps } from './submit-steps.js';
import { Visit } from './visit.js';

/** Steps of one visit; more than any honest sequence needs. */
const STEPS = 12;
const SAME_AGAIN_MS = 1_000;

@Injectable()
export class RunDriver {
  constructor(
    private readonly submits: SubmitSteps,
    private readonly retries: RetrySteps,
    private readonly steering: SteerSteps,
    private readonly looks: ObserveStep,
    private readonly config: Config,
    private readonly log: Log,
  ) {}

  /** `due` was just taken under `lease`. Never throws: a failure is stored with its back-off and shown as the reason. */
  async drive(engine: Engine, due: RunToDrive, lease: string, lane: DriveLane): Promise<void> {
    const visit = new Visit(lane.store, due, lease, this.config.leaseMs, (run) => nextStep(run, this.context(engine)));
    try {
      let last: Step['do'] | undefined;
      for (let step = 0; step < STEPS && visit.held; step++) {
        const next = visit.plan();
        if (next.do === 'rest') await visit.write(() => ({}));
        // What a step left as it was is not tried again at once.
        else if (next.do === last) await visit.write(() => ({}), { dueInMs: SAME_AGAIN_MS });
        else await this.takeInTurn(engine, visit, next, lane);
        last = next.do;
      }
      if (visit.held) await visit.write(() => ({}), { dueInMs: backOffMs(visit.run.failures) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error({ workflow_run_id: due.run.id, engine: engine.name, err: error }, 'a run could not be driven');
      const failures = visit.run.failures + 1;
      const blocked = { code: 'blocked', message, at: visit.run.readAt.toISOString() };
      await visit
        // What has to settle still does.
        .write(
          (run) => ({
            failures,
            lastError: settlesForMs(run, this.config.submitGraceMs) > 0 ? run.lastError : blocked,
          }),
          {
            dueInMs: backOffMs(failures),
          },
        )
        .catch((failure: unknown) => {
          // Another visit follows, once the lease has run out if it was stored.
          this.log.warn({ workflow_run_id: due.run.id, err: failure }, 'the failure of a run could not be stored');
        });
    }
  }

  private context(engine: Engine): StepContext {
    const { submitGraceMs, cancelGraceMs } = this.config;
    const { capabilities, epoch } = engine;
    return { capabilities, epoch, submitGraceMs, cancelGraceMs };
  }

  /** With one of the engine's slots; without one, because the process stops, the run is given back. */
  private async takeInTurn(engine: Engine, visit: Visit, step: CallingStep, lane: DriveLane): Promise<void> {
    this.log.debug({ workflow_run_id: visit.run.id, engine: engine.name, step: step.do, why: step.why }, 'drive');
    if (step.do === 'submit') return this.submits.submit(engine, visit, lane);
    if (step.do === 'fail' || step.do === 'give-up-cancelled') return giveUp(visit, step);
    const release = await lane.slots.take();
    if (!release) return visit.write(() => ({}), { dueInMs: 0 });
    try {
      await this.take(engine, visit, step);
    } finally {
      release();
    }
  }

  private async take(
    engine: Engine,
    visit: Visit,
    step: Exclude<CallingStep, Verdict | { do: 'submit' }>,
  ): Promise<void> {
    switch (step.do) {
      case 'find':
        return this.submits.find(engine, visit);
      case 'observe':
        return this.looks.observe(engine, visit);
      case 'baseline':
        return this.retries.baseline(engine, visit);
      case 'retry':
        return this.retries.retry(engine, visit);
      case 'cancel':
        return this.steering.cancel(engine, visit, step.mode);
      case 'pause':
      case 'resume':
        return this.steering.hold(engine, visit, step.do);
    }
  }
}

type CallingStep = Exclude<Step, { do: 'rest' }>;
