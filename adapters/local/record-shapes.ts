/**
 * The records of an attempt lie where its task can write: what does not have their shape is no record. Numbers and times
 * are bounded too, since a value that the database refuses would be refused with every step of the run.
 */
import type { ProcessIdentity } from './process-identity.js';

export interface StartRecord {
  supervisor: ProcessIdentity;
  task: ProcessIdentity;
  startedAt: string;
}

export interface OutputDigest {
  bytes: number;
  /** Hex; absent when the file is above the limit and was not read. */
  sha256?: string;
}

export interface ExitRecord {
  startedAt: string;
  finishedAt: string;
  /** Null when a signal ended the task, or it never started. */
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  /** Somebody asked for the end before the task ended by itself. */
  stopped: boolean;
  /** The system refused to start it (arguments too long, no more processes, ...). */
  refused?: { code: string; message: string };
  outputs: Record<string, OutputDigest>;
}

const LAST_EXIT_CODE = 255;
const YEAR_10000 = Date.UTC(10_000, 0);

export function isIdentity(value: unknown): value is ProcessIdentity {
  const { bootId, pidNamespace, pid, startTime } = members(value);
  const texts = [bootId, pidNamespace, startTime].every((text) => typeof text === 'string');
  // 0 and below would name groups of processes.
  return texts && Number.isInteger(pid) && (pid as number) > 0;
}

export function isStartRecord(value: unknown): value is StartRecord {
  const { supervisor, task, startedAt } = members(value);
  return isIdentity(supervisor) && isIdentity(task) && isTime(startedAt);
}

export function isExitRecord(value: unknown): value is ExitRecord {
  const { startedAt, finishedAt, exitCode, signal, timedOut, stopped, refused, outputs } = members(value);
  return (
    isTime(startedAt) &&
    isTime(finishedAt) &&
    (exitCode === null || isExitCode(exitCode)) &&
    (signal === null || typeof signal === 'string') &&
    typeof timedOut === 'boolean' &&
    typeof stopped === 'boolean' &&
    (refused === undefined || Object.values(members(refused)).every((text) => typeof text === 'string')) &&
    Object.values(members(outputs)).every((digest) => Number.isInteger(members(digest)['bytes']))
  );
}

function isExitCode(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LAST_EXIT_CODE;
}

/** Of the years 1970 to 9999: others are no time of a process. */
function isTime(value: unknown): boolean {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return at >= 0 && at < YEAR_10000;
}

function members(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
