/** Drives one claimed run: look at wish, execution and facts, do the one next thing, store, again; release when nothing is due. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Submission } from '../../adapters/spi/engine-adapter.js';
import { EngineError, mayHaveActed } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import { toExecutionRef } from '../lifecycle/execution-ref.js';
import type { Execution, Outcome, RunRecord } from '../lifecycle/run-record.js';
import { takeTicket } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { backOffMs } from '../platform/back-off.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { Observer } from '../reconcile/observer.js';
import { afterAccepted, afterBaseline, afterError, afterFind, errorFields, notFound, retryInMs } from './after-call.js';
import type { DriveLane } from './drive-lane.js';
import { commitIntent, INTENT_FRESH_MS, withdrawIntent } from './intent.js';
import { nextStep, type Step, type StepContext } from './next-step.js';
import { toSubmission } from './to-submission.js';
import type { VisitStore } from './visit-store.js';
import { later, Visit } from './visit.js';

/** Steps of one visit; more than any honest sequence needs. */
const STEPS = 12;
const SAME_AGAIN_MS = 1_000;

@Injectable()
export class RunDriver {
  constructor(
    private readonly database: Database,
    private readonly observer: Observer,
    private readonly config: Config,
    private readonly log: Log,
    private readonly killPoints: KillPoints,
  ) {}

  /** `run` was just claimed under `lease`. Never throws: a failure is stored with its back-off and shown as the reason. */
  async drive(engine: Engine, claimed: RunRecord, lease: string, lane: DriveLane): Promise<void> {
    const visit = new Visit(lane.store, claimed, lease, this.config.leaseMs, (run) =>
      nextStep(run, this.context(engine)),
    );
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
      this.log.error({ workflow_run_id: claimed.id, engine: engine.name, err: error }, 'a run could not be driven');
      const failures = visit.run.failures + 1;
      const lastError = { code: 'blocked', message, at: visit.run.readAt.toISOString() };
      await visit
        .write(() => ({ failures, lastError }), { dueInMs: backOffMs(failures) })
        .catch((failure: unknown) => {
          // The lease runs out and another visit follows.
          this.log.warn({ workflow_run_id: claimed.id, err: failure }, 'the failure of a run could not be stored');
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
    if (step.do === 'submit') return this.submit(engine, visit, lane);
    const release = await lane.slots.take();
    if (!release) return visit.write(() => ({}), { dueInMs: 0 });
    try {
      await this.take(engine, visit, step, lane.store);
    } finally {
      release();
    }
  }

  private async take(
    engine: Engine,
    visit: Visit,
    step: Exclude<CallingStep, { do: 'submit' }>,
    store: VisitStore,
  ): Promise<void> {
    switch (step.do) {
      case 'find':
        return this.find(engine, visit, store);
      case 'observe':
        return this.observe(engine, visit);
      case 'baseline':
        return this.baseline(engine, visit);
      case 'retry':
        return this.retry(engine, visit);
      case 'cancel':
        return this.cancel(engine, visit, step.mode);
      case 'pause':
      case 'resume':
        return this.hold(engine, visit, step.do);
      case 'fail':
        return visit.write((run) => ({
          verdict: { state: 'FAILED', failure: step.failure },
          execution: {
            ...run.execution,
            tombstoneUntil: step.tombstoneMs === null ? null : later(run, step.tombstoneMs),
          },
        }));
      case 'give-up-cancelled':
        return visit.write((run) => ({
          verdict: { state: 'CANCELLED', reason: 'never-seen-on-engine' },
          execution: { ...run.execution, tombstoneUntil: later(run, step.tombstoneMs) },
        }));
    }
  }

  /**
   * Intent committed, then the call, then its result: a death in between is an unknown outcome that the next visit looks up.
   * The slot is held for the call alone: intents and results of others are stored meanwhile.
   */
  private async submit(engine: Engine, visit: Visit, lane: DriveLane): Promise<void> {
    const parts = await lane.store.submissionParts(visit.run.id);
    if (!parts) return visit.lose();
    const submission = toSubmission(engine.installationId, visit.run, parts);
    const { execution: uncalled } = visit.run;
    if (uncalled.outcome !== 'none') return this.submitAgain(engine, visit, submission, lane);
    const prepared = await lane.prepared.take();
    if (!prepared) return visit.write(() => ({}), { dueInMs: 0 });
    let release: (() => void) | undefined;
    try {
      const committedAt = performance.now();
      if (!(await commitIntent(engine, visit))) return;
      release = await lane.slots.take();
      // Nothing was called: the process stops.
      if (!release) return await withdrawIntent(visit, uncalled);
      const isOld = performance.now() - committedAt > this.freshMs();
      if (isOld && !(await commitIntent(engine, visit))) return await withdrawIntent(visit, uncalled);
      prepared();
      await this.callSubmit(engine, visit, submission, uncalled.outcome, release);
    } finally {
      prepared();
      release?.();
    }
  }

  /**
   * It went out before, or may have. The engine's epoch is read with the slot in hand, so that the call follows the look at once;
   * where it is another one the run is planned anew.
   */
  private async submitAgain(engine: Engine, visit: Visit, submission: Submission, lane: DriveLane): Promise<void> {
    const { execution: uncalled } = visit.run;
    const release = await lane.slots.take();
    if (!release) return visit.write(() => ({}), { dueInMs: 0 });
    try {
      if (!(await this.isSameMemory(visit, lane))) return;
      // Holding the lease may have brought another wish.
      if (visit.plan().do !== 'submit' || !(await commitIntent(engine, visit))) return;
      await this.callSubmit(engine, visit, submission, uncalled.outcome, release);
    } finally {
      release();
    }
  }

  /** What the look-up did not find is absent from the memory that took the submit, and not lost with it. Holds the lease meanwhile. */
  private async isSameMemory(visit: Visit, lane: DriveLane): Promise<boolean> {
    const look = lane.readEpoch().then((epoch) => ({ epoch }));
    // It may fail when nobody waits for it any more.
    look.catch(() => undefined);
    while (visit.held) {
      const seen = await Promise.race([look, sleep(this.config.leaseMs / 3, undefined, { ref: false })]);
      if (seen) return seen.epoch !== undefined && seen.epoch === visit.run.execution.engineEpoch;
      await visit.write(() => ({}), { fenced: true, keep: true });
    }
    return false;
  }

  /** An intent this old is committed again: what it knew may have passed, and its lease has to outlive the call. */
  private freshMs(): number {
    return Math.min(INTENT_FRESH_MS, this.config.leaseMs - this.config.engineTimeoutMs);
  }

  private async callSubmit(
    engine: Engine,
    visit: Visit,
    submission: Submission,
    before: Outcome,
    release: () => void,
  ): Promise<void> {
    this.killPoints.reach('submit.before-call');
    try {
      const outcome = await engine.gateway.call('submit', intentOf(visit.run), (adapter, ctx) =>
        adapter.submit(submission, ctx),
      );
      release();
      this.killPoints.reach('submit.after-call');
      await visit.write((run) => afterAccepted(run, outcome));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, 'submit', error);
      await this.store(visit, error, before);
    }
  }

  /** The failure of a mutating call: nobody knows its outcome, or it is tried again later. */
  private store(visit: Visit, error: EngineError, before: Outcome): Promise<void> {
    return mayHaveActed(error.code)
      ? visit.write((run) => afterError(run, error, before))
      : visit.write((run) => afterError(run, error, before), { fenced: true, dueInMs: retryInMs(visit.run, error) });
  }

  private async find(engine: Engine, visit: Visit, store: VisitStore): Promise<void> {
    const parts = await store.submissionParts(visit.run.id);
    if (!parts) return visit.lose();
    const { ref, marker } = toSubmission(engine.installationId, visit.run, parts);
    const askedAt = visit.now();
    try {
      const outcome = await engine.gateway.call('find', intentOf(visit.run), (adapter, ctx) =>
        adapter.find(ref, marker, ctx),
      );
      await visit.write((run) => afterFind(run, outcome, askedAt));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, 'find', error);
      // A look-up that failed says nothing: what is known stays known, what is not stays unknown.
      await visit.write((run) => ({ ...errorFields(run, error), execution: noLongerInFlight(run) }), {
        dueInMs: retryInMs(visit.run, error),
      });
    }
  }

  private async observe(engine: Engine, visit: Visit): Promise<void> {
    const askedAt = visit.now();
    const applied = await this.observer.observeWhole(engine, [visit.run], { ...intentOf(visit.run), source: 'engine' });
    if (!(await visit.refresh())) return;
    const failed = applied.failed[0];
    if (failed) {
      const lastError = { code: 'engine-unreadable', message: failed.message, at: visit.run.readAt.toISOString() };
      return visit.write((run) => ({ lastError, failures: run.failures + 1 }), {
        dueInMs: backOffMs(visit.run.failures + 1),
      });
    }
    if (visit.run.execution.outcome !== 'known' && visit.run.observed === null) {
      // The engine shows the baseline: the retry we sent has not been seen.
      return visit.write((run) => ({ execution: notFound(run, askedAt) }));
    }
    await visit.write((run) => ({ observedAt: run.observedAt ?? run.readAt, failures: 0 }));
  }

  /** What the retry has to change is read and stored before the verb may be sent. */
  private async baseline(engine: Engine, visit: Visit): Promise<void> {
    const ref = toExecutionRef(visit.run);
    try {
      const { ticket } = await takeTicket(this.database);
      const seen = await engine.gateway.call('observe', intentOf(visit.run), (adapter, ctx) =>
        adapter.observe(ref, ctx),
      );
      // The reconciler decides when an absence is a verdict.
      if (seen.presence === 'absent') throw new EngineError('not-found', 'the engine does not have the execution');
      if (seen.presence === 'unread' || seen.baseline === undefined) {
        throw new EngineError('unknown', 'the engine did not show what a retry would change');
      }
      await visit.write((run) => afterBaseline(run, seen, ticket, this.config.retryDrainGraceMs));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, 'observe', error);
      await visit.write((run) => errorFields(run, error), { dueInMs: retryInMs(visit.run, error) });
    }
  }

  private async retry(engine: Engine, visit: Visit): Promise<void> {
    const { baseline, outcome: before } = visit.run.execution;
    if (baseline === null) throw new Error('a retry needs a baseline');
    if (!(await commitIntent(engine, visit))) return;
    const ref = toExecutionRef(visit.run);
    const task = visit.run.retryTask;
    this.killPoints.reach('retry.before-call');
    try {
      const outcome = await engine.gateway.call('retry', intentOf(visit.run), async (adapter, ctx) => {
        if (task && adapter.retryTask) return adapter.retryTask(ref, task, baseline, ctx);
        if (adapter.retry) return adapter.retry(ref, baseline, ctx);
        throw new EngineError('unsupported', 'the engine cannot retry an execution in place');
      });
      this.killPoints.reach('retry.after-call');
      if (outcome.outcome === 'nothing-to-retry') {
        const failure = { class: 'engine' as const, code: 'nothing-to-retry', message: outcome.message };
        return await visit.write((run) => ({
          verdict: { state: 'FAILED', failure },
          execution: { ...run.execution, outcome: 'refused' },
        }));
      }
      await visit.write((run) => afterAccepted(run, outcome.outcome === 'accepted' ? outcome : {}));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, 'retry', error);
      await this.store(visit, error, before);
    }
  }

  /** The moment is stored first: whether a failure was our doing is decided by it. The mode is stored once it arrived. */
  private async cancel(engine: Engine, visit: Visit, mode: 'graceful' | 'force'): Promise<void> {
    const ref = toExecutionRef(visit.run);
    const before = visit.run.execution.cancelSentAt;
    await visit.write(
      (run) => ({ execution: { ...run.execution, cancelSentAt: run.execution.cancelSentAt ?? run.readAt } }),
      { fenced: true, keep: true },
    );
    if (!visit.held || !visit.wrote) return;
    this.killPoints.reach('cancel.before-call');
    try {
      const { outcome } = await engine.gateway.call('cancel', intentOf(visit.run), (adapter, ctx) =>
        adapter.cancel(ref, mode, ctx),
      );
      this.killPoints.reach('cancel.after-call');
      if (outcome === 'requested') {
        const lastError = mode === 'force' ? overdueError(visit.run) : null;
        return await visit.write(
          (run) => ({ failures: 0, lastError, execution: { ...run.execution, cancelMode: mode } }),
          { dueInMs: 200 },
        );
      }
      // Nothing was called: the end was its own, or that of a cancel before this one, and an observation says which.
      await visit.write((run) => ({ failures: 0, execution: { ...run.execution, cancelSentAt: before } }));
      if (visit.held) await this.observe(engine, visit);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, 'cancel', error);
      const late = visit.run.readAt.getTime() - visit.run.desiredAt.getTime() > this.config.cancelGraceMs;
      const undone = mayHaveActed(error.code) ? {} : { cancelSentAt: before };
      await visit.write(
        (run) => ({
          ...errorFields(run, error),
          ...(late ? { lastError: overdueError(run) } : {}),
          execution: { ...run.execution, ...undone },
        }),
        { dueInMs: retryInMs(visit.run, error) },
      );
    }
  }

  private async hold(engine: Engine, visit: Visit, verb: 'pause' | 'resume'): Promise<void> {
    const ref = toExecutionRef(visit.run);
    const { desired } = visit.run;
    // Nothing to store, but it is asked whether it is still wanted and the run still ours.
    await visit.write((run) => (run.desired === desired ? {} : undefined), { fenced: true, keep: true });
    if (!visit.held || !visit.wrote) return;
    try {
      await engine.gateway.call(verb, intentOf(visit.run), async (adapter, ctx) => {
        const send = adapter[verb];
        if (!send) throw new EngineError('unsupported', `the engine cannot ${verb} an execution`);
        return send(ref, ctx);
      });
      await visit.write((run) => ({ failures: 0, execution: { ...run.execution, pauseSent: verb === 'pause' } }), {
        keep: true,
      });
      if (visit.held) await this.observe(engine, visit);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.noteCall(engine, visit, verb, error);
      await visit.write((run) => errorFields(run, error), { dueInMs: retryInMs(visit.run, error) });
    }
  }

  private noteCall(engine: Engine, visit: Visit, verb: string, error: EngineError): void {
    const fields = {
      workflow_run_id: visit.run.id,
      engine: engine.name,
      verb,
      code: error.code,
      reason: error.message,
    };
    this.log.warn(fields, 'an engine call did not work');
  }
}

type CallingStep = Exclude<Step, { do: 'rest' }>;

/** Calls made for a run belong to the trace of the request that created it. */
function intentOf(run: RunRecord): { class: 'intent'; traceparent: string | null } {
  return { class: 'intent', traceparent: run.traceparent };
}

function overdueError(run: RunRecord): RunRecord['lastError'] {
  return {
    code: 'cancel-overdue',
    message: 'The engine has not stopped the run within the grace.',
    at: run.readAt.toISOString(),
  };
}

/** Our call is over, whoever made it; what it did is not known. */
function noLongerInFlight({ execution }: RunRecord): Execution {
  return execution.outcome === 'in_flight' ? { ...execution, outcome: 'unknown' } : execution;
}
