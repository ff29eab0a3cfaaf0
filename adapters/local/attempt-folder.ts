import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { CancelMode } from '../spi/engine-adapter.js';
import { readPlainText } from './plain-file.js';
import type { ProcessIdentity } from './process-identity.js';
import { isExitRecord, isIdentity, isStartRecord } from './record-shapes.js';
import type { ExitRecord, StartRecord } from './record-shapes.js';

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

/** Far above any record: a specification holds at most a body's definition and values. */
const RECORD_LIMIT_BYTES = 16 * 1024 * 1024;

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
  const value = readJson(join(folder, PARTS.claim));
  return value === 'void' || isIdentity(value) ? value : undefined;
}

/** The supervisor's sign of life for those who cannot see its process: the claim's modification time. */
export function beat(folder: string): void {
  const now = new Date();
  utimesSync(join(folder, PARTS.claim), now, now);
}

/** Milliseconds since the last sign of life; without a claim there never was one. */
export function sinceBeat(folder: string, now: Date): number {
  const claimed = statSync(join(folder, PARTS.claim), { throwIfNoEntry: false });
  return claimed === undefined ? Infinity : now.getTime() - claimed.mtimeMs;
}

/** Read before the task exists: nobody else can have written it. */
export function readSpec(folder: string): AttemptSpec {
  const value = readJson(join(folder, PARTS.spec));
  if (value === undefined) throw new Error('the attempt has no specification');
  return value as AttemptSpec;
}

export function writeStart(folder: string, record: StartRecord): void {
  createExclusively(join(folder, PARTS.start), JSON.stringify(record));
}

export function readStart(folder: string): StartRecord | undefined {
  const value = readJson(join(folder, PARTS.start));
  return isStartRecord(value) ? value : undefined;
}

/** Whether a supervisor ever got so far, even where its record was destroyed since. */
export function hasStarted(folder: string): boolean {
  return lstatSync(join(folder, PARTS.start), { throwIfNoEntry: false }) !== undefined;
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
  const text = readPlainText(join(folder, PARTS.exit), RECORD_LIMIT_BYTES);
  const [, sum, body] = /^([0-9a-f]{64}) (.*)\n/.exec(text ?? '') ?? [];
  const value = body !== undefined && sha256(body) === sum ? parse(body) : undefined;
  return isExitRecord(value) ? value : undefined;
}

/** The wish to stop outlives a supervisor that has not yet installed its signal handlers. `force` is never taken back. */
export function writeStop(folder: string, mode: CancelMode): void {
  if (readStop(folder) !== 'force') replaceFile(join(folder, PARTS.stop), mode);
}

export function readStop(folder: string): CancelMode | undefined {
  const text = readPlainText(join(folder, PARTS.stop), RECORD_LIMIT_BYTES);
  return text === 'graceful' || text === 'force' ? text : undefined;
}

/** Last words of a supervisor that died, for the failure's message. */
export function readComplaints(folder: string): string {
  return (readPlainText(join(folder, PARTS.complaints), RECORD_LIMIT_BYTES) ?? '').slice(-500).trim();
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

function readJson(path: string): unknown {
  const text = readPlainText(path, RECORD_LIMIT_BYTES);
  return text === undefined ? undefined : parse(text);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
