import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** A pid alone is reused; these four together name one process of one machine, once. */
export interface ProcessIdentity {
  bootId: string;
  pidNamespace: string;
  pid: number;
  /** Clock ticks since boot on Linux, elsewhere the start time as `ps` prints it. */
  startTime: string;
}

/** `unknown`: the process would be in another pid namespace of this boot, or this is another machine. */
export type Life = 'alive' | 'dead' | 'unknown';

export interface ProcessStat {
  pid: number;
  /** One letter; `Z` and `X` are dead. */
  state: string;
  group: number;
  startTime: string;
}

export const onLinux = process.platform === 'linux';

let machine: { bootId: string; pidNamespace: string } | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  const identity = identityOf(process.pid);
  if (identity === undefined) throw new Error('this process cannot read its own entry in the process table');
  return identity;
}

/** Older than every process and none of them: for looking by marker alone. */
export function nobody(): ProcessIdentity {
  return { ...thisMachine(), pid: -1, startTime: '0' };
}

/** Undefined when no such process lives; a zombie does not. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  if (stat === undefined || isZombie(stat)) return undefined;
  return { ...thisMachine(), pid, startTime: stat.startTime };
}

/**
 * Whether that process still lives. A different boot is `unknown` and not `dead`: on a shared file system it may be
 * another machine. Whoever needs a verdict then asks for a sign of life that crosses machines (lease, heartbeat).
 */
export function lifeOf(identity: ProcessIdentity): Life {
  const here = thisMachine();
  if (identity.bootId !== here.bootId || identity.pidNamespace !== here.pidNamespace) return 'unknown';
  const stat = statOf(identity.pid);
  return stat !== undefined && !isZombie(stat) && stat.startTime === identity.startTime ? 'alive' : 'dead';
}

export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.bootId === other.bootId &&
    one.pidNamespace === other.pidNamespace &&
    one.pid === other.pid &&
    one.startTime === other.startTime
  );
}

export function isZombie(stat: ProcessStat): boolean {
  return stat.state.startsWith('Z') || stat.state.startsWith('X');
}

/** One entry of the process table, undefined when there is none. */
export function statOf(pid: number): ProcessStat | undefined {
  return onLinux ? statFromProc(pid) : statFromPs(pid);
}

function statFromProc(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The command name stands in parentheses and may hold blanks and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, state: fields[0] ?? '', group: Number(fields[2]), startTime: fields[19] ?? '' };
}

function statFromPs(pid: number): ProcessStat | undefined {
  try {
    const [state = '', group = '', ...start] = ps(['-o', 'stat=,pgid=,lstart=', '-p', String(pid)])
      .trim()
      .split(/\s+/);
    return state === '' ? undefined : { pid, state, group: Number(group), startTime: start.join(' ') };
  } catch {
    return undefined;
  }
}

/** Output of `ps`; for systems without /proc. Throws when it exits with another code than 0. */
export function ps(args: string[]): string {
  return execFileSync('ps', args, { encoding: 'utf8', env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' } });
}

function thisMachine(): { bootId: string; pidNamespace: string } {
  machine ??= onLinux
    ? {
        bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
        pidNamespace: readlinkSync('/proc/self/ns/pid'),
      }
    : {
        bootId: execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim(),
        pidNamespace: '',
      };
  return machine;
}
