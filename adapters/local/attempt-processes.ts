import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessIdentity, ProcessStat } from './process-identity.js';
import { isZombie, lifeOf, onLinux, ps, statOf } from './process-identity.js';

/** In the environment of a task and so of all it starts: finds those that left the process group with setsid. */
export const MARKER_VARIABLE = 'SIGNALBOX_ATTEMPT_ID';

/** What belongs to one attempt: the process group that the task leads, and every process with its marker. */
export interface AttemptProcesses {
  task: ProcessIdentity;
  marker: string;
}

const POLL_MS = 50;
/** How long KILL is repeated before what is left is reported: a process in an uninterruptible call cannot die. */
const KILL_MS = 5_000;

/**
 * Pids of the attempt that live now. A process that both left the group and cleared its environment is not found;
 * nor, off Linux, one that only left the group.
 */
export function findProcesses({ task, marker }: AttemptProcesses): number[] {
  if (lifeOf(task) === 'unknown') return [];
  const groupIsOurs = !numberWasReused(task);
  const entry = `${MARKER_VARIABLE}=${marker}`;
  return processTable()
    .filter((stat) => !isZombie(stat) && stat.pid !== process.pid)
    .filter(
      (stat) =>
        (groupIsOurs && stat.group === task.pid) || (startedSince(stat, task) && hasEnvironmentEntry(stat.pid, entry)),
    )
    .map((stat) => stat.pid);
}

/**
 * Ends every process of the attempt: TERM, after `graceMs` KILL, at once with 0. `hurry` turns the rest of the grace
 * off when it aborts. Answers the pids that are still there after five seconds of KILL: normally none.
 */
export async function stopProcesses(
  attempt: AttemptProcesses,
  graceMs: number,
  hurry: AbortSignal = new AbortController().signal,
): Promise<number[]> {
  const deadline = performance.now() + graceMs;
  const told = new Set<number>();
  let left = findRemaining(attempt);
  while (left.length > 0 && !hurry.aborted && performance.now() < deadline) {
    // Told once each: a second TERM would interrupt a task that is tidying up.
    for (const pid of left.filter((candidate) => !told.has(candidate))) {
      signal(pid, 'SIGTERM');
      told.add(pid);
    }
    await delay(POLL_MS);
    left = findRemaining(attempt);
  }
  const lastCall = performance.now() + KILL_MS;
  while (left.length > 0 && performance.now() < lastCall) {
    for (const pid of left) signal(pid, 'SIGKILL');
    await delay(POLL_MS);
    left = findRemaining(attempt);
  }
  return left;
}

/** Nobody twice is nobody: a child born during a look by a parent that died before its turn is seen by the second. */
function findRemaining(attempt: AttemptProcesses): number[] {
  const first = findProcesses(attempt);
  return first.length > 0 ? first : findProcesses(attempt);
}

/** Sends the signal if that very process still lives. */
export function signalProcess(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (lifeOf(identity) === 'alive') signal(identity.pid, name);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone between looking and signalling.
  }
}

/** A group keeps its number while it has members; afterwards another process may get it. */
function numberWasReused(task: ProcessIdentity): boolean {
  const leader = statOf(task.pid);
  return leader !== undefined && leader.startTime !== task.startTime;
}

function startedSince(stat: ProcessStat, task: ProcessIdentity): boolean {
  return onLinux && Number(stat.startTime) >= Number(task.startTime);
}

function hasEnvironmentEntry(pid: number, entry: string): boolean {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(`\0${entry}\0`);
  } catch {
    return false;
  }
}

function processTable(): ProcessStat[] {
  if (!onLinux) {
    return ps(['-A', '-o', 'pid=,stat=,pgid='])
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .map(([pid = '', state = '', group = '']) => ({ pid: Number(pid), state, group: Number(group), startTime: '' }));
  }
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
}
