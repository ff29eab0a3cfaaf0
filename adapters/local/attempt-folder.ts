import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { CancelMode } from '../spi/engine-adapter.js';
import type { ProcessIdentity } from './process-identity.js';

/**
 * The folder of one attempt is the protocol between the owner of a node and a supervisor; engine-wide meaning is in
 * README.md. Everything here is synchronous: the order of the writes is the point of it.
 */
export interface AttemptName {
  key: string;
  task: string;
  /** -1 for a task that is no item of a fan-out. */
  mapIndex: number;
  attempt: number;
}

/** What the supervisor is to do. */
export interface AttemptSpec {
  argv: string[];
  env: Record<string, string>;
  marker: string;
  /** Of the attempt, absent = none. */
  timeoutMs?: number;
  graceMs: number;
  logLimitBytes: number;
  /** Declared names; others are not looked at. */
  outputs: string[];
  outputLimitBytes: number;
}

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

/** Where things lie inside an attempt's folder. `task` is what the task sees as SIGNALBOX_DIR. */
export const PARTS = {
  spec: 'spec.json',
  claim: 'claim',
  start: 'start.json',
  exit: 'exit.json',
  stop: 'stop',
  log: 'log',
  complaints: 'supervisor.log',
  task: 'task',
} as const;

export function attemptFolder(nodeFolder: string, name: AttemptName): string {
  const task = name.mapIndex < 0 ? name.task : `${name.task}.${name.mapIndex}`;
  return join(nodeFolder, 'runs', name.key, task, String(name.attempt));
}

/** Exclusive and durable, with its whole content from the first moment. False = somebody claimed it before. */
export function claim(folder: string, by: ProcessIdentity): boolean {
  return createExclusively(join(folder, PARTS.claim), JSON.stringify(by));
}

/** Creates `path` with `text` in one step, synced with its folder; false when it exists. */
export function createExclusively(path: string, text: string): boolean {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeSynced(draft, text);
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  syncFolder(dirname(path));
  return true;
}

/** Takes the claim so that no supervisor ever can; false = one has it. */
export function voidClaim(folder: string): boolean {
  return createExclusively(join(folder, PARTS.claim), JSON.stringify('void'));
}

export function readClaim(folder: string): ProcessIdentity | 'void' | undefined {
  return readJson<ProcessIdentity | 'void'>(join(folder, PARTS.claim));
}

/** The supervisor's sign of life for those who cannot see its process: the claim's modification time. */
export function beat(folder: string): void {
  const now = new Date();
  utimesSync(join(folder, PARTS.claim), now, now);
}

/** Milliseconds since the last sign of life. */
export function sinceBeat(folder: string, now: Date): number {
  return now.getTime() - statSync(join(folder, PARTS.claim)).mtimeMs;
}

export function readSpec(folder: string): AttemptSpec {
  return JSON.parse(readFileSync(join(folder, PARTS.spec), 'utf8')) as AttemptSpec;
}

export function writeStart(folder: string, record: StartRecord): void {
  createExclusively(join(folder, PARTS.start), JSON.stringify(record));
}

export function readStart(folder: string): StartRecord | undefined {
  return readJson<StartRecord>(join(folder, PARTS.start));
}

/** Takes the disk space that the exit record will need, so that a full disk cannot swallow an ending. */
export function reserveExit(folder: string, spec: AttemptSpec): void {
  const bytes = 4096 + spec.outputs.reduce((sum, name) => sum + 200 + Buffer.byteLength(name), 0);
  writeSynced(join(folder, PARTS.exit), ' '.repeat(bytes));
  syncFolder(folder);
}

/** Overwrites the reserved space in place; the checksum tells a torn write from a whole one. */
export function writeExit(folder: string, record: ExitRecord): void {
  const body = JSON.stringify(record);
  const fd = openSync(join(folder, PARTS.exit), 'r+');
  try {
    writeSync(fd, `${sha256(body)} ${body}\n`, 0);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Undefined while there is none, or only half of one. */
export function readExit(folder: string): ExitRecord | undefined {
  const text = readText(join(folder, PARTS.exit));
  const [, sum, body] = /^([0-9a-f]{64}) (.*)\n/.exec(text ?? '') ?? [];
  return body !== undefined && sha256(body) === sum ? (JSON.parse(body) as ExitRecord) : undefined;
}

/** The wish to stop outlives a supervisor that has not yet installed its signal handlers. `force` is never taken back. */
export function writeStop(folder: string, mode: CancelMode): void {
  if (readStop(folder) !== 'force') replaceFile(join(folder, PARTS.stop), mode);
}

export function readStop(folder: string): CancelMode | undefined {
  const text = readText(join(folder, PARTS.stop));
  return text === 'graceful' || text === 'force' ? text : undefined;
}

/** Last words of a supervisor that died, for the failure's message. */
export function readComplaints(folder: string): string {
  return (readText(join(folder, PARTS.complaints)) ?? '').slice(-500).trim();
}

export function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A reader sees the old content or the new one, whole. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeSynced(draft, text);
  renameSync(draft, path);
}

function writeSynced(path: string, text: string): void {
  const fd = openSync(path, 'w', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readJson<T>(path: string): T | undefined {
  const text = readText(path);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}
