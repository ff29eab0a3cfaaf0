/** What the environment of a test process makes of the service's named points. */
import { KillPoints } from '../../src/platform/kill-points.js';

/** Each variable holds `point` or `point:nth`; the nth arrival at the point counts, the first without a number. */
const FAULTS = {
  /** kill -9 of the own process. */
  KILL_AT: () => process.kill(process.pid, 'SIGKILL'),
  /** The process stands still, as in a long pause of its machine, until somebody sends SIGCONT. */
  STOP_AT: () => process.kill(process.pid, 'SIGSTOP'),
  /** A rejected promise that nobody handles. */
  REJECT_AT: () => void Promise.reject(new Error('a promise nobody handles')),
} as const;

/** Throws `Error` for a value that is not `point[:nth]`. */
export function readFaultPoints(env: Readonly<Record<string, string | undefined>>): KillPoints {
  const planned = Object.entries(FAULTS).flatMap(([name, act]) => {
    const value = env[name];
    if (value === undefined) return [];
    const match = /^([a-z.-]+)(?::([1-9]\d*))?$/.exec(value);
    if (!match?.[1]) throw new Error(`${name}: has to be POINT or POINT:NTH, not ${value}`);
    return [{ point: match[1], left: Number(match[2] ?? 1), act }];
  });
  return new KillPoints((point) => {
    for (const one of planned) {
      if (one.point !== point) continue;
      one.left -= 1;
      if (one.left === 0) one.act();
    }
  });
}
