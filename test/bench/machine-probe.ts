/** What else the machine did while a figure was taken: a figure of a busy machine is taken again. */
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { machineSlowness } from '../support/processor-time.js';

export interface MachineReport {
  /** How late a timer of an idle process was, milliseconds. */
  lag_p99_ms: number;
  /** Cores that processes which are not ours kept busy on average; absent where there is no /proc. */
  others_cores?: number;
  /** How many times as long the same work took as on the machine the goals were set on, before and after, the longer one. */
  slower: number;
  busy: boolean;
}

/** More than this is taken from us by others. */
const BUSY_CORES = 0.25;
const BUSY_LAG_MS = 30;
/** Of /proc, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Watches from now until `report`. `roots` are processes that count as ours with all they started; this one is. */
export class MachineProbe {
  private readonly delay = monitorEventLoopDelay({ resolution: 5 });
  private readonly slower = machineSlowness();
  private readonly began = performance.now();
  private readonly before: Ticks | undefined;

  constructor(private readonly roots: readonly number[]) {
    this.before = readTicks([process.pid, ...roots]);
    this.delay.enable();
  }

  report(): MachineReport {
    this.delay.disable();
    const lag_p99_ms = round(this.delay.percentile(99) / 1e6);
    const after = readTicks([process.pid, ...this.roots]);
    const seconds = (performance.now() - this.began) / 1000;
    const slower = round(Math.max(this.slower, machineSlowness()));
    const late = lag_p99_ms > BUSY_LAG_MS;
    if (!this.before || !after) return { lag_p99_ms, slower, busy: late };
    // Processes of ours that ended in between make ours smaller: never below none for the others.
    const others = after.all - this.before.all - Math.max(0, after.ours - this.before.ours);
    const others_cores = round(Math.max(0, others / TICKS_PER_SECOND / seconds));
    return { lag_p99_ms, others_cores, slower, busy: late || others_cores > BUSY_CORES };
  }
}

/** Seconds of CPU a process and all it started have used; undefined where there is no /proc. */
export function cpuSeconds(roots: readonly number[]): number | undefined {
  const ticks = readTicks(roots);
  return ticks && ticks.ours / TICKS_PER_SECOND;
}

/** Bytes of memory a process holds now; undefined where there is no /proc. */
export function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

interface Ticks {
  /** Of the machine, without its idle time. */
  all: number;
  ours: number;
}

function readTicks(roots: readonly number[]): Ticks | undefined {
  try {
    const [, ...fields] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).map(Number);
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
    const processes = readProcesses();
    const ours = new Set(roots);
    // Parents are found before their children in few rounds.
    for (let size = -1; size !== ours.size;) {
      size = ours.size;
      for (const one of processes) if (ours.has(one.parent)) ours.add(one.pid);
    }
    const used = processes.filter((one) => ours.has(one.pid)).reduce((sum, one) => sum + one.ticks, 0);
    return { all: user + nice + system + irq + softirq + steal, ours: used };
  } catch {
    return undefined;
  }
}

function readProcesses(): { pid: number; parent: number; ticks: number }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The command in brackets may hold blanks.
      const fields = (readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1) ?? '').split(' ').map(Number);
      const [, parent = 0] = fields;
      // user, system, and both of children that were waited for.
      const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
      return [{ pid: Number(name), parent, ticks }];
    } catch {
      return [];
    }
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
