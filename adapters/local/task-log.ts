import { closeSync, openSync, writeSync } from 'node:fs';

const NEWLINE = 0x0a;
/** Longer lines are cut and marked. */
export const LINE_LIMIT_BYTES = 1024 * 1024;
/** Of a log that reached its limit, this much of the end is kept. */
const TAIL_BYTES = 64 * 1024;
const MARKS_BYTES = 512;

interface Source {
  carry: Buffer[];
  carried: number;
  /** Inside a line that was cut: the rest of it is dropped. */
  cutting: boolean;
}

/**
 * One file for what a task prints on both streams, whole lines of each. It never blocks the task and never grows above
 * `limitBytes`: then the beginning and the end are kept, and a line in between says how much is missing. Lines that a
 * full disk refuses are dropped, counted and marked as soon as there is space again.
 */
export class TaskLog {
  readonly #fd: number;
  readonly #sources = { stdout: newSource(), stderr: newSource() };
  readonly #tailBytes: number;
  #room: number;
  #tail: Buffer = Buffer.alloc(0);
  #beyond = { lines: 0, bytes: 0 };
  #refused = 0;

  constructor(path: string, limitBytes: number) {
    this.#fd = openSync(path, 'a', 0o600);
    this.#tailBytes = Math.min(TAIL_BYTES, Math.floor(limitBytes / 4));
    this.#room = limitBytes - this.#tailBytes - MARKS_BYTES;
  }

  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const source = this.#sources[stream];
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      // Whole lines at once: a call of the system for each would hold up a task that writes many.
      const whole = source.carried === 0 && rest.length <= LINE_LIMIT_BYTES;
      if (whole) {
        end = rest.lastIndexOf(NEWLINE);
        this.#take(rest.subarray(0, end + 1));
      } else {
        this.#extend(source, rest.subarray(0, end + 1));
        this.#endLine(source);
      }
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#extend(source, rest);
  }

  /** Writes what is left of unfinished lines, and of a log above its limit the end. */
  close(): void {
    for (const source of Object.values(this.#sources)) {
      if (source.carried > 0) {
        if (!source.cutting) source.carry.push(Buffer.from('\n'));
        this.#endLine(source);
      }
    }
    if (this.#beyond.lines > 0) {
      const kept = countLines(this.#tail);
      const { lines, bytes } = this.#beyond;
      this.#put(
        Buffer.from(
          `[signalbox: ${lines - kept} lines, ${bytes - this.#tail.length} bytes dropped; the last ${kept} follow]\n`,
        ),
      );
      this.#put(this.#tail);
    }
    this.#put(Buffer.alloc(0));
    closeSync(this.#fd);
  }

  #extend(source: Source, part: Buffer): void {
    if (source.cutting) return;
    const room = LINE_LIMIT_BYTES - source.carried;
    // Copied: the stream reuses the memory of its chunks.
    source.carry.push(Buffer.from(part.subarray(0, room)));
    source.carried += Math.min(part.length, room);
    if (part.length <= room) return;
    source.cutting = true;
    source.carry.push(Buffer.from(' [signalbox: line cut]\n'));
  }

  #endLine(source: Source): void {
    const line = Buffer.concat(source.carry);
    source.carry = [];
    source.carried = 0;
    source.cutting = false;
    this.#take(line);
  }

  /** Whole lines: as many as there is room for, the others for the tail. */
  #take(lines: Buffer): void {
    if (this.#beyond.lines > 0) return this.#drop(lines);
    const fitting = lines.length <= this.#room ? lines.length : lines.subarray(0, this.#room).lastIndexOf(NEWLINE) + 1;
    this.#room -= fitting;
    if (fitting > 0) this.#put(lines.subarray(0, fitting));
    if (fitting === lines.length) return;
    this.#put(Buffer.from('[signalbox: the log reached its limit]\n'));
    this.#drop(lines.subarray(fitting));
  }

  #drop(lines: Buffer): void {
    this.#beyond.lines += countLines(lines);
    this.#beyond.bytes += lines.length;
    const tail = Buffer.concat([this.#tail, lines]);
    const excess = tail.length - this.#tailBytes;
    this.#tail = excess > 0 ? tail.subarray(tail.indexOf(NEWLINE, excess - 1) + 1) : tail;
  }

  #put(lines: Buffer): void {
    const mark = this.#refused === 0 ? '' : `\n[signalbox: ${this.#refused} lines dropped, the disk refused them]\n`;
    const bytes = mark === '' ? lines : Buffer.concat([Buffer.from(mark), lines]);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#fd, bytes, at);
      this.#refused = 0;
    } catch {
      this.#refused += countLines(lines);
    }
  }
}

function newSource(): Source {
  return { carry: [], carried: 0, cutting: false };
}

function countLines(text: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
