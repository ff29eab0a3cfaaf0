import { resolveValue } from '../../definition/references.js';
import { runVerdict } from '../../definition/run-verdict.js';
import type { FinalTaskState } from '../../definition/trigger.js';
import type { Failure } from '../spi/facts.js';
import type { RunDraft } from './run-draft.js';
import { WHOLE, isFinalTask } from './run-model.js';
import type { RunFacts } from './step-store.js';

/** Where the run is after the changes of a draft. */
export function runFacts(draft: RunDraft): RunFacts {
  const { run, now } = draft;
  const facts: RunFacts = {
    phase: openPhase(draft),
    stopEvidence: draft.wholes().some((row) => row.stateReason === 'run-cancelled'),
    outputs: null,
    failure: null,
    roundStartedAt: run.roundStartedAt ?? (draft.began ? now : null),
    startedAt: run.startedAt ?? (draft.began ? now : null),
    finishedAt: null,
  };
  const wholes = draft.wholes();
  if (!wholes.every((row) => isFinalTask(row.state))) return facts;
  const final = { ...facts, finishedAt: now };
  if (facts.stopEvidence) return { ...final, phase: 'cancelled' };
  if (wholes.some((row) => row.stateReason === 'run-timed-out')) {
    return { ...final, phase: 'failed', failure: timedOut(run.definition.timeoutMs ?? 0) };
  }
  const verdict = runVerdict(
    run.definition.tasks.map(({ id, allowFailure }) => ({
      id,
      allowFailure,
      state: (draft.row(id, WHOLE)?.state ?? 'SKIPPED') as FinalTaskState,
    })),
  );
  if (verdict.phase === 'FAILED') {
    const failure = draft.row(verdict.failedTask, WHOLE)?.failure ?? null;
    return {
      ...final,
      phase: 'failed',
      failure: failure === null ? null : { ...failure, task_title: verdict.failedTask },
    };
  }
  const tasks = Object.fromEntries(wholes.map((row) => [row.task, { state: row.state, outputs: row.outputs ?? {} }]));
  const scope = { params: run.parameters, tasks, run: { id: run.workflowRunId } };
  const outputs = resolveValue(run.definition.outputs, scope) as RunFacts['outputs'];
  return { ...final, phase: 'succeeded', outputs };
}

function openPhase({ run, began }: RunDraft): RunFacts['phase'] {
  if (run.cancelMode === null && run.pauseWanted) return 'paused';
  return began ? 'running' : 'scheduled';
}

function timedOut(timeoutMs: number): Failure {
  return { class: 'timeout', code: 'run-timed-out', message: `The run took longer than ${timeoutMs} ms.` };
}
