import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { LogPage } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { isNoPlainFile, PLAIN } from './plain-file.js';

const NEWLINE = 0x0a;
/** The kernel is asked for so much at once. */
const CHUNK_BYTES = 64 * 1024;
/** How far back from a page's end a line's end is looked for. */
const LOOK_BACK_BYTES = 64 * 1024;

/** A page without lines. */
export function emptyPage(source: LogPage['source'], rest: Partial<LogPage>): LogPage {
  return { source, chunks: nothing(), end: false, ...rest };
}

/**
 * A page of a log file from the byte offset in `cursor`, at most `limitBytes` long. It stops behind a whole line unless
 * one line alone is longer than a page; then it stops between two characters. `ended`: nothing is written any more.
 */
export async function readLogPage(
  path: string,
  cursor: string | undefined,
  limitBytes: number,
  ended: boolean,
): Promise<LogPage> {
  const from = parseCursor(cursor);
  const file = await openPlain(path);
  if (file === undefined) {
    return ended
      ? emptyPage('none', { end: true, reason: 'deleted by retention' })
      : emptyPage('live', { nextCursor: String(from) });
  }
  try {
    const { size } = await file.stat();
    const to = await pageEnd(file, from, Math.min(from + Math.max(1, limitBytes), size), size, ended);
    const end = ended && to >= size;
    return {
      source: 'live',
      chunks: to > from ? range(path, from, to) : nothing(),
      ...(end ? {} : { nextCursor: String(to) }),
      end,
    };
  } finally {
    await file.close();
  }
}

/** Undefined where there is no plain file, whatever the task has put there. */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, PLAIN);
  } catch (error) {
    if (isNoPlainFile(error)) return undefined;
    throw error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const offset = /^[0-9]{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (Number.isNaN(offset)) throw new EngineError('rejected', 'The log cursor is not one of this engine.');
  return offset;
}

async function pageEnd(file: FileHandle, from: number, to: number, size: number, ended: boolean): Promise<number> {
  if (to <= from) return from;
  if (ended && to === size) return to;
  const start = Math.max(from, to - LOOK_BACK_BYTES);
  const buffer = Buffer.alloc(to - start);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  const tail = buffer.subarray(0, bytesRead);
  const newline = tail.lastIndexOf(NEWLINE);
  if (newline >= 0) return start + newline + 1;
  // The supervisor writes whole lines; without one up to the end of the file the rest of it is on its way.
  return to === size ? from : start + wholeCharacters(tail);
}

/** Length without a UTF-8 character that is cut at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back && bytes.length > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

/**
 * Opens the file when the first chunk is asked for, so that a page nobody reads holds nothing open. All chunks are one
 * buffer: a new one for each would be garbage that V8 lets grow to 32 MB, however small the process is meant to be.
 */
async function* range(path: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const file = await openPlain(path);
  if (file === undefined) throw new EngineError('not-found', 'The log was deleted while it was read.');
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, to - from));
    for (let at = from; at < to;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A page may be empty.
}
