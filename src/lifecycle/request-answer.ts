/**
 * What a lifecycle request is answered with: the table of docs/lifecycle.md, as data.
 * `accepted` = 202, `unchanged` = 200, `refused` = 409.
 */
import type { VerbSupport } from '../../adapters/spi/engine-adapter.js';
import { assertNever } from '../platform/assert-never.js';
import type { LifecycleRequestType } from './lifecycle-event.js';
import type { RunRecord } from './run-record.js';
import { isFinal } from './run-state.js';

export type Answer =
  { answer: 'accepted' } | { answer: 'unchanged'; reason: string } | { answer: 'refused'; reason: string };

/** What of a record decides about a request. */
export type Requestable = Pick<RunRecord, 'state' | 'desired' | 'generation'> & {
  execution: Pick<RunRecord['execution'], 'outcome' | 'pauseSent'>;
};

export function answerRequest(
  run: Requestable,
  type: LifecycleRequestType,
  verbs: Pick<VerbSupport, 'pause' | 'resume'>,
  generation: number = run.generation,
): Answer {
  if (generation < run.generation) {
    return unchanged(`the run is in generation ${run.generation} already`);
  }
  switch (type) {
    case 'CANCEL':
      return answerCancel(run);
    case 'RETRY':
      return answerRetry(run);
    case 'PAUSE':
      return answerPause(run, verbs);
    case 'RESUME':
      return answerResume(run, verbs);
    default:
      return assertNever('lifecycle request', type);
  }
}

function answerCancel(run: Requestable): Answer {
  if (run.state === 'CANCELLING') return unchanged('a cancel is in progress');
  return isFinal(run.state) ? unchanged(`the run is ${run.state}`) : accepted;
}

function answerRetry(run: Requestable): Answer {
  if (run.state === 'FAILED' || run.state === 'CANCELLED') return accepted;
  if (run.state === 'COMPLETED') return refused('a completed run is not retried; start another one');
  return run.generation > 1 ? unchanged('a retry is in progress') : refused('the run has not ended yet');
}

function answerPause(run: Requestable, verbs: Pick<VerbSupport, 'pause'>): Answer {
  if (isFinal(run.state)) return refused(`the run is ${run.state}`);
  if (run.state === 'CANCELLING' || run.state === 'RETRYING') return refused(`the run is ${run.state}`);
  // With a resume still open it would go on.
  const resumes = run.desired === 'run' && run.execution.pauseSent;
  if (run.state === 'PAUSED' && run.desired === 'run' && !resumes) return unchanged('the engine holds the run');
  if (run.desired === 'paused') return unchanged('a pause is open');
  // Before the first call a pause only holds our submit: every engine can do that.
  if (verbs.pause === 'none' && run.execution.outcome !== 'none') return refused('the engine cannot pause a run');
  return accepted;
}

function answerResume(run: Requestable, verbs: Pick<VerbSupport, 'resume'>): Answer {
  if (isFinal(run.state) || run.state === 'CANCELLING') return refused(`the run is ${run.state}`);
  if (run.desired !== 'paused' && run.state !== 'PAUSED') return unchanged('the run is not paused');
  if (verbs.resume === 'none' && run.execution.outcome !== 'none') return refused('the engine cannot resume a run');
  return accepted;
}

const accepted: Answer = { answer: 'accepted' };

function unchanged(reason: string): Answer {
  return { answer: 'unchanged', reason };
}

function refused(reason: string): Answer {
  return { answer: 'refused', reason };
}
