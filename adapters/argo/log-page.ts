/** Pages of a container's log, by the time and the number of its lines. */
import type { LogPage, LogRequest } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import { LogText } from '../spi/log-text.js';

/** A line is never longer; what is beyond is cut and marked. */
const LINE_LIMIT_BYTES = 1_048_576;
const CUT = ' [cut]\n';

/** What Argo's executor writes into the log of a task: any word of its own, that the process has ended, and after that why. */
const EXECUTOR_LINE = /^time="[^"]*" level=\w+ msg=.* argo=true( |$)/;
const EXECUTOR_EXIT = /time="[\d:.TZ-]{20,30}" level=\w+ msg="sub-process exited" argo=true error="[^"]*"$/;
const EXECUTOR_ERROR = /Error: exit status \d+$/;

/** Behind which line the next page starts: the last time seen, and how many lines of that very time were read. */
interface Position {
  nanoseconds: bigint;
  count: number;
}

const BEGINNING: Position = { nanoseconds: -1n, count: 0 };

/** Throws `rejected` for a cursor that is none of ours. */
export function readCursor(cursor: string | undefined): Position {
  if (cursor === undefined) return BEGINNING;
  const match = /^(-1|\d{1,20})\.(\d{1,9})$/.exec(cursor);
  if (!match) throw new EngineError('rejected', 'the cursor is none of this log');
  return { nanoseconds: BigInt(match[1] ?? '0'), count: Number(match[2]) };
}

/** The moment a cursor stands at; nothing for the beginning. */
export function timeOf({ nanoseconds }: Position): Date | undefined {
  return nanoseconds < 0n ? undefined : new Date(Number(nanoseconds / 1_000_000n));
}

/**
 * Reads lines that begin with their time until the page is full. Held in memory is one page, never the log. `ended`: the
 * container had ended before the log was asked for. Nothing when there was not one line, the executor's own included.
 */
export async function readPodLogPage(
  lines: AsyncIterable<string>,
  request: Pick<LogRequest, 'cursor' | 'limitBytes'>,
  ended: boolean,
): Promise<LogPage | undefined> {
  const from = readCursor(request.cursor);
  const page = new LogText(request.limitBytes);
  let position = from;
  let seen = { nanoseconds: -1n, count: 0 };
  let full = false;
  let any = false;
  let afterExit = false;
  for await (const line of lines) {
    const { nanoseconds, text } = splitLine(line);
    if (nanoseconds === undefined) continue;
    any = true;
    seen = { nanoseconds, count: nanoseconds === seen.nanoseconds ? seen.count + 1 : 1 };
    const isNew = nanoseconds > from.nanoseconds || (nanoseconds === from.nanoseconds && seen.count > from.count);
    const said = ofTask(text, afterExit);
    afterExit = said.exit;
    if (!isNew) continue;
    const kept = said.text === undefined ? '' : fit(`${said.text}\n`, Math.min(request.limitBytes, LINE_LIMIT_BYTES));
    if (!page.add(kept)) {
      full = true;
      break;
    }
    // Lines of two streams may come a little out of order: a position never goes back.
    if (nanoseconds >= position.nanoseconds) position = seen;
  }
  if (!any && ended) return undefined;
  const end = ended && !full;
  return {
    source: 'live',
    chunks: page.chunks(),
    end,
    ...(end ? {} : { nextCursor: `${position.nanoseconds}.${position.count}` }),
  };
}

/**
 * What a line has of the task; nothing where all of it is the executor's. Its last words may stand behind a last line of the
 * task without its break, for the two streams of a container end at the same time. `exit`: the
 * process has ended, and its error may follow; the executor says other things in between.
 */
function ofTask(text: string, afterExit: boolean): { text: string | undefined; exit: boolean } {
  const exit = EXECUTOR_EXIT.exec(text);
  if (!exit && EXECUTOR_LINE.test(text)) return { text: undefined, exit: afterExit };
  const words = exit ?? (afterExit ? EXECUTOR_ERROR.exec(text) : null);
  if (!words) return { text, exit: false };
  return { text: words.index === 0 ? undefined : text.slice(0, words.index), exit: exit !== null };
}

function splitLine(line: string): { nanoseconds?: bigint; text: string } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/.exec(line);
  if (!match) return { text: line };
  const [head, second = '', fraction = '', zone = 'Z'] = match;
  const nanoseconds = BigInt(Date.parse(`${second}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
  return { nanoseconds, text: line.slice(head.length) };
}

function fit(line: string, limitBytes: number): string {
  const bytes = Buffer.from(line, 'utf8');
  if (bytes.length <= limitBytes) return line;
  const room = Math.max(0, limitBytes - Buffer.byteLength(CUT));
  // A character that is cut in two would become another one.
  return new TextDecoder('utf-8', { fatal: false }).decode(bytes.subarray(0, room)).replace(/\ufffd$/, '') + CUT;
}

/** The archive knows no ranges: the page begins after so many lines, which are read again and left out. */
export async function readArchivedPage(
  lines: AsyncIterable<string>,
  linesRead: number,
  limitBytes: number,
): Promise<LogPage> {
  const page = new LogText(limitBytes);
  let number = 0;
  let full = false;
  let afterExit = false;
  for await (const line of lines) {
    const said = ofTask(line, afterExit);
    afterExit = said.exit;
    number += 1;
    if (number <= linesRead || said.text === undefined) continue;
    const kept = fit(`${said.text}\n`, Math.min(limitBytes, LINE_LIMIT_BYTES));
    if (!page.add(kept)) {
      full = true;
      break;
    }
  }
  return {
    source: 'archived',
    chunks: page.chunks(),
    end: !full,
    ...(full ? { nextCursor: `archived.${number - 1}` } : {}),
  };
}
