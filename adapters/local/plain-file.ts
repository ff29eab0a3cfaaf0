import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** A link could lead anywhere, and opening a pipe that nobody writes to would block for ever. */
export const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What opening says of a file that is not there, is not ours to read, or is no file. */
const NO_PLAIN_FILE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EPERM']);

/** Whether opening with `PLAIN` failed for good; other errors may pass. */
export function isNoPlainFile(error: unknown): boolean {
  return NO_PLAIN_FILE.has((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Hands an open plain file and its size to `work`; undefined where there is none. Files of an attempt lie where its task
 * can put anything in their place.
 */
export function withPlainFile<T>(path: string, work: (fd: number, bytes: number) => T): T | undefined {
  let fd: number;
  try {
    fd = openSync(path, PLAIN);
  } catch (error) {
    if (isNoPlainFile(error)) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? work(fd, stat.size) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** The first `bytes` of an open file, fewer where it ends before. */
export function readWhole(fd: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let at = 0;
  while (at < bytes) {
    const read = readSync(fd, buffer, at, bytes - at, at);
    if (read === 0) break;
    at += read;
  }
  return buffer.subarray(0, at);
}

/** The text of a plain file of at most `limitBytes`; undefined for anything else. */
export function readPlainText(path: string, limitBytes: number): string | undefined {
  return withPlainFile(path, (fd, bytes) => (bytes > limitBytes ? undefined : readWhole(fd, bytes).toString('utf8')));
}
