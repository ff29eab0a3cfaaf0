import type { RunRecord } from '../lifecycle/run-record.js';

/**
 * Whether what the client asked for is not what the engine was told, and nothing is due that would tell it. Pure. A run of
 * which nothing is due and that has no open wish waits for an observation or a request.
 */
export function hasOpenWish(run: RunRecord): boolean {
  if (run.nextActionAt !== null) return false;
  const { outcome, pauseSent } = run.execution;
  switch (run.desired) {
    case 'cancelled':
      return true;
    case 'paused':
      // Before the first call a held submit waits for its resume.
      return outcome === 'known' ? !pauseSent : outcome !== 'none';
    case 'run':
      return outcome === 'known' ? pauseSent : true;
  }
}
