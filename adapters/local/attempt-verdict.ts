import type { Json, RetryCause, TaskDefinition } from '../../definition/definition-types.js';
import type { Failure } from '../spi/facts.js';
import type { AttemptEnding } from './run-model.js';

/** What an attempt's ending means for its task; `cause` is what the retry policy is asked about. */
export type AttemptVerdict = {
  startedAt: Date | null;
  finishedAt: Date;
  exitCode: number | null;
} & (
  | { state: 'COMPLETED'; outputs: Record<string, Json> }
  | { state: 'SKIPPED' }
  | { state: 'CANCELLED' }
  | { state: 'FAILED'; failure: Failure; cause: RetryCause }
);

/** The system's words for "this command cannot be": the author's fault. Others (no processes, no memory) pass. */
const REFUSED_COMMAND: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE']);

/** `stopWanted`: somebody asked for the end of this task, so that an end by signal is no failure. */
export function attemptVerdict(ending: AttemptEnding, task: TaskDefinition, stopWanted: boolean): AttemptVerdict {
  switch (ending.kind) {
    case 'never-ran':
      return ended(null, ending.at, stopWanted, platform('not-started', ending.message));
    case 'lost':
      return ended(null, ending.at, stopWanted, platform('lost', ending.message));
    case 'exited':
      return exitVerdict(ending, task, stopWanted);
  }
}

type Blame = { failure: Failure; cause: RetryCause };

function exitVerdict(
  ending: AttemptEnding & { kind: 'exited' },
  task: TaskDefinition,
  stopWanted: boolean,
): AttemptVerdict {
  const { startedAt, finishedAt, exitCode } = ending;
  const facts = { startedAt, finishedAt, exitCode };
  const failed = (blame: Blame): AttemptVerdict => ({ ...facts, state: 'FAILED', ...blame });
  if (ending.stopped) {
    return stopWanted
      ? { ...facts, state: 'CANCELLED' }
      : failed(platform('terminated', 'The supervisor was told to stop by somebody else than Signalbox.'));
  }
  if (ending.refused !== undefined) {
    const { code, message } = ending.refused;
    return failed(REFUSED_COMMAND.has(code) ? user('command-refused', message) : platform('not-started', message));
  }
  if (ending.timedOut) {
    const message = `The attempt took longer than ${task.timeoutMs ?? 0} ms.`;
    return failed({ failure: { class: 'timeout', code: 'timed-out', message }, cause: 'timeout' });
  }
  if (task.skipExitCode !== undefined && exitCode === task.skipExitCode) return { ...facts, state: 'SKIPPED' };
  if (exitCode === 0) {
    if (ending.outputFailure !== undefined) {
      const { outputFailure: failure } = ending;
      return failed({ failure, cause: failure.class === 'user' ? 'failure' : 'infra' });
    }
    return { ...facts, state: 'COMPLETED', outputs: ending.outputs ?? {} };
  }
  return failed(
    exitCode === null
      ? user('exit-signal', `The command was ended by ${ending.signal ?? 'a signal'}.`)
      : user('exit-code', `The command ended with exit code ${exitCode}.`),
  );
}

function ended(startedAt: Date | null, at: Date, stopWanted: boolean, blame: Blame): AttemptVerdict {
  const facts = { startedAt, finishedAt: at, exitCode: null };
  return stopWanted ? { ...facts, state: 'CANCELLED' } : { ...facts, state: 'FAILED', ...blame };
}

function user(code: string, message: string): Blame {
  return { failure: { class: 'user', code, message }, cause: 'failure' };
}

function platform(code: string, message: string): Blame {
  return { failure: { class: 'platform', code, message }, cause: 'infra' };
}
