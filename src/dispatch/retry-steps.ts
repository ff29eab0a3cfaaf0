/** A retry in place: what it has to change is read and stored, then it is sent. */
import { Injectable } from '@nestjs/common';
import { EngineError } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import { toExecutionRef } from '../lifecycle/execution-ref.js';
import { takeTicket } from '../lifecycle/run-store.js';
import { Database } from '../platform/database.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { afterAccepted, afterBaseline, afterNothingToRetry, errorFields, retryInMs } from './after-call.js';
import { commitIntent } from './intent.js';
import { intentOf, noteCall, storeFailure } from './run-calls.js';
import type { Visit } from './visit.js';

@Injectable()
export class RetrySteps {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
    private readonly log: Log,
    private readonly killPoints: KillPoints,
  ) {}

  /** What the retry has to change is read and stored before the verb may be sent. */
  async baseline(engine: Engine, visit: Visit): Promise<void> {
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
      await visit.write((run) => afterBaseline(run, seen, ticket, this.config.retryDrainGraceMs), { fenced: true });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteCall(this.log, engine, visit.run, 'observe', error);
      await visit.write((run) => errorFields(run, error), { fenced: true, dueInMs: retryInMs(visit.run, error) });
    }
  }

  async retry(engine: Engine, visit: Visit): Promise<void> {
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
        const { message } = outcome;
        return await visit.write((run) => afterNothingToRetry(run, message));
      }
      await visit.write((run) => afterAccepted(run, outcome.outcome === 'accepted' ? outcome : {}));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteCall(this.log, engine, visit.run, 'retry', error);
      await storeFailure(visit, error, before);
    }
  }
}
