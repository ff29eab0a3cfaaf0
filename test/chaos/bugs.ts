/**
 * Mistakes that the protocol of a submit exists to prevent, as changes of the sources: with one of them in the service the
 * checker has to find runs that were executed twice.
 */
export interface SourceChange {
  /** From the root of the tree. */
  file: string;
  /** Stands there exactly once. */
  from: string;
  to: string;
}

export interface Bug {
  what: string;
  changes: SourceChange[];
}

/** Both store another key than the one that was drawn with the run, which the product never does. */
const KEY_CAN_CHANGE: SourceChange = {
  file: 'src/lifecycle/move-runs.ts',
  from: `  ON CONFLICT (workflow_run_id, generation) DO UPDATE SET
    outcome`,
  to: `  ON CONFLICT (workflow_run_id, generation) DO UPDATE SET
    key = excluded.key, outcome`,
};
const DRAWS_KEYS: SourceChange = {
  file: 'src/dispatch/submit-steps.ts',
  from: `import { toSubmission } from './to-submission.js';`,
  to: `import { toSubmission } from './to-submission.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';`,
};

export const BUGS = {
  'key-after-call': {
    what: 'the key of an execution is drawn when the engine is called, and stored after its answer',
    changes: [
      KEY_CAN_CHANGE,
      DRAWS_KEYS,
      {
        file: 'src/dispatch/submit-steps.ts',
        from: `    const submission = toSubmission(engine.installationId, visit.run, parts);`,
        to: `    const key = runKey(newRunToken(), visit.run.generation);
    const named = { ...visit.run, execution: { ...visit.run.execution, key } };
    const submission = toSubmission(engine.installationId, named, parts);`,
      },
      {
        file: 'src/dispatch/submit-steps.ts',
        from: `      this.killPoints.reach('submit.after-call');
      await visit.write((run) => afterAccepted(run, outcome));`,
        to: `      this.killPoints.reach('submit.after-call');
      const { key } = submission.ref;
      await visit.write((run) => {
        const accepted = afterAccepted(run, outcome);
        return { ...accepted, execution: { ...run.execution, ...accepted.execution, key } };
      });`,
      },
    ],
  },
  'fresh-key-after-unknown': {
    what: 'a submit whose outcome is unknown is repeated at once, under a new key',
    changes: [
      KEY_CAN_CHANGE,
      {
        file: 'src/dispatch/intent.ts',
        from: `import type { Visit } from './visit.js';`,
        to: `import type { Visit } from './visit.js';
import { newRunToken, runKey } from '../lifecycle/run-key.js';`,
      },
      {
        file: 'src/dispatch/intent.ts',
        from: `      if (run.desired !== desired || execution.outcome !== planned.outcome) return undefined;
      return {
        execution: {
          ...execution,`,
        to: `      if (run.desired !== desired || execution.outcome !== planned.outcome) return undefined;
      return {
        execution: {
          ...execution,
          key: planned.outcome === 'unknown' ? runKey(newRunToken(), run.generation) : execution.key,`,
      },
      {
        file: 'src/dispatch/next-step.ts',
        from: `if (execution.absentSince !== null && run.desired === 'run' && remembers && sameMemory) {`,
        to: `if (run.desired === 'run' && remembers && sameMemory) {`,
      },
    ],
  },
} as const satisfies Record<string, Bug>;

export type BugName = keyof typeof BUGS;

/** The text of a file with its changes made. Throws when the sources have moved on and a change no longer fits. */
export function applyChanges(bug: Bug, file: string, text: string): string {
  return bug.changes
    .filter((change) => change.file === file)
    .reduce((changed, { from, to }) => {
      const count = changed.split(from).length - 1;
      if (count !== 1) {
        throw new Error(`the bug "${bug.what}" no longer fits: ${file} holds these lines ${count} times:\n${from}`);
      }
      return changed.replace(from, () => to);
    }, text);
}
