import type { Writable } from 'node:stream';
import { paintWith, wantsColour, type Paint } from './paint.js';
import { safeJson, safeText } from './safe-text.js';

/** stdout or stderr; the last three only on a terminal. */
export interface OutputStream extends Writable {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface TerminalOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  env: NodeJS.ProcessEnv;
  /** False under `--no-color`. */
  colour: boolean;
  json: boolean;
}

/** The two streams of a command: stdout is data, stderr is talk. */
export class Terminal {
  readonly json: boolean;
  readonly paint: Paint;
  readonly paintTalk: Paint;

  constructor(private readonly options: TerminalOptions) {
    const { stdout, stderr, env, colour: flag } = options;
    this.json = options.json;
    this.paint = paintWith(wantsColour({ isTerminal: stdout.isTTY === true, flag, env }));
    this.paintTalk = paintWith(wantsColour({ isTerminal: stderr.isTTY === true, flag, env }));
  }

  get stdout(): OutputStream {
    return this.options.stdout;
  }

  get stderr(): OutputStream {
    return this.options.stderr;
  }

  /** Whether a view can be drawn over itself there. */
  canRedraw(stream: OutputStream): boolean {
    return stream.isTTY === true && this.options.env['TERM'] !== 'dumb';
  }

  /** Text of our own making, or already made safe. */
  data(text: string): void {
    this.options.stdout.write(text);
  }

  /** One document on stdout: indented for a person, compact for a program. */
  document(value: unknown): void {
    this.data(`${safeJson(value, this.options.stdout.isTTY ? 2 : undefined)}\n`);
  }

  /** One line of a JSON stream. */
  record(value: unknown): void {
    this.data(`${safeJson(value)}\n`);
  }

  /** Text of a task or a definition: untouched into files and pipes, harmless on a terminal. */
  foreign(text: string): void {
    this.data(this.options.stdout.isTTY ? safeText(text) : text);
  }

  /** A line for the person who watches; never part of the data. */
  talk(line: string): void {
    this.options.stderr.write(`${line}\n`);
  }
}
