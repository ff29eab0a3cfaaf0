/** Cancel, pause and resume: each is sent while it is still wanted, and what came of it is looked at. */
import { Injectable } from '@nestjs/common';
import { EngineError, mayHaveActed } from '../../adapters/spi/engine-error.js';
import { Config } from '../config.js';
import type { Engine } from '../engines/engines.js';
import { toExecutionRef } from '../lifecycle/execution-ref.js';
import type { RunRecord } from '../lifecycle/run-record.js';
import { isFinal } from '../lifecycle/run-state.js';
import { KillPoints } from '../platform/kill-points.js';
import { Log } from '../platform/log.js';
import { errorFields, retryInMs, type Patch } from './after-call.js';
import { ObserveStep } from './observe-step.js';
import { intentOf, noteCall } from './run-calls.js';
import type { Visit } from './visit.js';

@Injectable()
export class SteerSteps {
  constructor(
    private readonly observing: ObserveStep,
    private readonly config: Config,
    private readonly log: Log,
    private readonly killPoints: KillPoints,
  ) {}

  /** The moment is stored first: whether a failure was our doing is decided by it. The mode is stored once it arrived. */
  async cancel(engine: Engine, visit: Visit, mode: 'graceful' | 'force'): Promise<void> {
    const ref = toExecutionRef(visit.run);
    const { cancelSentAt, cancelMode } = visit.run.execution;
    const before = { cancelSentAt, cancelMode };
    await visit.write(
      (run) => ({
        execution: { ...run.execution, cancelSentAt: run.execution.cancelSentAt ?? run.readAt, cancelMode: null },
      }),
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
      await visit.write((run) => unlessFinal(run, { failures: 0, execution: { ...run.execution, ...before } }), {
        fenced: true,
      });
      if (visit.held && visit.wrote) await this.observing.observe(engine, visit);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteCall(this.log, engine, visit.run, 'cancel', error);
      const late = visit.run.readAt.getTime() - visit.run.desiredAt.getTime() > this.config.cancelGraceMs;
      const undone = mayHaveActed(error.code) ? {} : before;
      await visit.write(
        (run) =>
          unlessFinal(run, {
            ...errorFields(run, error),
            ...(late ? { lastError: overdueError(run) } : {}),
            execution: { ...run.execution, ...undone },
          }),
        { fenced: true, dueInMs: retryInMs(visit.run, error) },
      );
    }
  }

  async hold(engine: Engine, visit: Visit, verb: 'pause' | 'resume'): Promise<void> {
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
      if (visit.held) await this.observing.observe(engine, visit);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteCall(this.log, engine, visit.run, verb, error);
      await visit.write((run) => errorFields(run, error), { dueInMs: retryInMs(visit.run, error) });
    }
  }
}

/** Whoever saw the end decided by what was stored then. */
function unlessFinal(run: RunRecord, patch: Patch): Patch | undefined {
  return isFinal(run.state) ? undefined : patch;
}

function overdueError(run: RunRecord): RunRecord['lastError'] {
  return {
    code: 'cancel-overdue',
    message: 'The engine has not stopped the run within the grace.',
    at: run.readAt.toISOString(),
  };
}
