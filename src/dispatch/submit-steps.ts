/** Sends a run to its engine, again where that is safe, and looks up by its key what nobody knows the outcome of. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Submission } from '../../adapters/spi/engine-adapter.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import type { Execution, Outcome, RunRecord } from '../lifecycle/run-record.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { afterAccepted, afterFind, errorFields, retryInMs } from './after-call.js';
import type { DriveLane } from './drive-lane.js';
import { commitIntent, INTENT_FRESH_MS, withdrawIntent } from './intent.js';
import { intentOf, noteCall, storeFailure } from './run-calls.js';
import { toSubmission } from './to-submission.js';
import type { Visit } from './visit.js';

@Injectable()
export class SubmitSteps {
  constructor(
    private readonly config: Config,
    private readonly log: Log,
    private readonly killPoints: KillPoints,
  ) {}

  /**
   * Intent committed, then the call, then its result: a death in between is an unknown outcome that the next visit looks up.
   * The slot is held for the call alone: intents and results of others are stored meanwhile.
   */
  async submit(engine: Engine, visit: Visit, lane: DriveLane): Promise<void> {
    const parts = await visit.submissionParts();
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

  async find(engine: Engine, visit: Visit): Promise<void> {
    const parts = await visit.submissionParts();
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
      noteCall(this.log, engine, visit.run, 'find', error);
      // A look-up that failed says nothing: what is known stays known, what is not stays unknown.
      await visit.write((run) => ({ ...errorFields(run, error), execution: noLongerInFlight(run) }), {
        dueInMs: retryInMs(visit.run, error),
      });
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
      // The call that the slot is free for goes out first: undici looks for a turn whether an idle connection is still open.
      await nextTurn();
      await nextTurn();
      this.killPoints.reach('submit.after-call');
      await visit.write((run) => afterAccepted(run, outcome));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteCall(this.log, engine, visit.run, 'submit', error);
      await storeFailure(visit, error, before);
    }
  }
}

/** Our call is over, whoever made it; what it did is not known. */
function noLongerInFlight({ execution }: RunRecord): Execution {
  return execution.outcome === 'in_flight' ? { ...execution, outcome: 'unknown' } : execution;
}
