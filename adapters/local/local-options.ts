import { cpus } from 'node:os';
import { durationMs } from '../../definition/duration.js';
import { OptionsRefused } from '../spi/engine-kind.js';

/** Settings of one local engine, from its section of ENGINES_FILE. */
export interface LocalOptions {
  /** Tasks at once on this node. Default: twice the processors, at least 4. */
  maxTasks: number;
  /** Milliseconds from TERM to KILL. Default 10 s. */
  terminateGraceMs: number;
  /** Bytes of one attempt's log. Default 64 MiB; at least 4 KiB. */
  logLimitBytes: number;
  /** Bytes that the outputs of one task may hold together. Default 32 KiB, which is also the most. */
  outputLimitBytes: number;
}

const MIB = 1024 * 1024;
const SMALLEST_LOG = 4096;
const LARGEST_OUTPUTS = 32 * 1024;

type Reader = (value: unknown, name: string) => number;

const READERS = {
  maxTasks: (value, name) => {
    if (!Number.isInteger(value) || (value as number) < 1) throw refuse(name, 'a whole number above 0', value);
    return value as number;
  },
  terminateGrace: (value, name) => {
    const ms = typeof value === 'string' ? durationMs(value) : undefined;
    if (ms === undefined) throw refuse(name, 'a duration such as "10s"', value);
    return ms;
  },
  logLimit: (value, name) => {
    const bytes = toBytes(value);
    if (bytes === undefined || bytes < SMALLEST_LOG) throw refuse(name, 'a size of at least "4KiB"', value);
    return bytes;
  },
  outputLimit: (value, name) => {
    const bytes = toBytes(value);
    if (bytes === undefined || bytes < 1 || bytes > LARGEST_OUTPUTS) throw refuse(name, 'a size up to "32KiB"', value);
    return bytes;
  },
} as const satisfies Record<string, Reader>;

type OptionName = keyof typeof READERS;
export const OPTION_NAMES = Object.keys(READERS) as OptionName[];

/** Throws `OptionsRefused`. */
export function parseOptions(options: Record<string, unknown>): LocalOptions {
  const strangers = Object.keys(options).filter((name) => !Object.hasOwn(READERS, name));
  if (strangers.length > 0) {
    throw new OptionsRefused(
      `the local engine has no option "${strangers.join('", "')}"; it knows ${OPTION_NAMES.join(', ')}`,
    );
  }
  const read = (name: OptionName, fallback: number): number =>
    options[name] === undefined ? fallback : READERS[name](options[name], name);
  return {
    maxTasks: read('maxTasks', Math.max(4, cpus().length * 2)),
    terminateGraceMs: read('terminateGrace', 10_000),
    logLimitBytes: read('logLimit', 64 * MIB),
    outputLimitBytes: read('outputLimit', LARGEST_OUTPUTS),
  };
}

function toBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  const [, digits, unit = ''] = /^([0-9]+)(KiB|MiB|GiB)?$/.exec(typeof value === 'string' ? value : '') ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * ({ KiB: 1024, MiB: MIB, GiB: 1024 * MIB }[unit] ?? 1);
}

function refuse(name: string, wanted: string, value: unknown): OptionsRefused {
  return new OptionsRefused(`the local engine's option "${name}" must be ${wanted}, not ${JSON.stringify(value)}`);
}
