/** One page of the log of one try. Airflow gives a log whole: what was shown is read again and passed over. */
import type { Readable } from 'node:stream';
import type { CallContext, LogPage, LogRequest } from '../spi/engine-adapter.js';
import { EngineError, unlessAbsent } from '../spi/engine-error.js';
import { FINAL_TASK_STATES } from '../spi/facts.js';
import { clientError } from '../spi/http/engine-http.js';
import { garbage } from '../spi/http/read-answer.js';
import { LogText } from '../spi/log-text.js';
import type { AirflowRuns } from './airflow-runs.js';
import { commandLine } from './command-line.js';
import { compiledRun } from './compiled-run.js';
import { query, taskPath } from './dialect.js';
import type { TaskInstance } from './to-task-run.js';
import { TASK_WORDS } from './to-task-run.js';

/** A longer line is cut there. */
const LINE_LIMIT_BYTES = 1_048_576;
/** Characters of an entry that is read; of a longer one only the beginning is looked at. */
const ENTRY_LIMIT = 8 * LINE_LIMIT_BYTES;
/** What Airflow says instead of a log that it cannot read (file_task_handler.py of 2.11.2 and 3.3.2). */
const LOST = /^(Could not read served logs|Log file not found on worker|!!!! Please make sure)/;
/** Where a line was cut. */
const CUT = ' [cut]';

export async function readLogPage(runs: AirflowRuns, request: LogRequest, ctx: CallContext): Promise<LogPage> {
  const { ref, task, attempt } = request;
  const from = lineOf(request.cursor);
  const run = await runs.read(ref, ctx);
  if (!run) return none('Airflow does not have the run any more');
  const all = await runs.instances(run, ctx);
  const instances = all.filter(({ taskId }) => taskId === task);
  const instance = instances.find(({ mapIndex }) => mapIndex === (request.mapIndex ?? -1));
  if (!instance) return none(`the run has no task ${task}`);
  if (instance.tryNumber < attempt) return none(`the task ${task} has no attempt ${attempt}`);
  const { dialect } = await runs.client.version(ctx);
  const path = `${taskPath(run, { taskId: task, mapIndex: -1 })}/logs/${attempt}${query({
    full_content: 'true',
    map_index: instance.mapIndex,
  })}`;
  const headers = { accept: dialect.logType };
  const answer = await unlessAbsent(runs.client.stream({ method: 'GET', path, headers }, ctx));
  if (!answer) return none(`Airflow has no log of attempt ${attempt} of ${task}`);
  if (!(answer.headers['content-type'] ?? '').includes(dialect.logType)) {
    answer.body.destroy();
    throw garbage(`a log of the type ${answer.headers['content-type'] ?? 'none'}`);
  }
  const ended = hasEnded(instance, attempt);
  const render = compiledRun(run, all) === undefined ? dialect.logLine : ofCommand(dialect.logLine);
  const words = { render, source: dialect.logSource, beginning: dialect.logBeginning };
  const page = await collect(answer.body, words, from, request.limitBytes, ctx, ended);
  if (ended && page.lost !== undefined) return none(`Airflow cannot read it: ${page.lost}`);
  return {
    source: ended ? 'archived' : 'live',
    chunks: page.text.chunks(),
    end: ended && page.isLast,
    ...(ended && page.isLast ? {} : { nextCursor: `line-${page.next}` }),
  };
}

/** Of a compiled task its log is what its command wrote. */
function ofCommand(render: (line: string) => string | undefined): (line: string) => string | undefined {
  return (line) => {
    const shown = render(line);
    return shown === undefined ? undefined : commandLine(shown);
  };
}

interface Page {
  text: LogText;
  /** Lines of the engine before the next page. */
  next: number;
  isLast: boolean;
  /** What Airflow says where it has no line of the log. */
  lost: string | undefined;
}

interface Words {
  render(line: string): string | undefined;
  source(line: string): string | undefined;
  /** What can be shown of an entry that is too long to be read, by its beginning. */
  beginning(text: string): string;
}

/** Lines from `from` on, as many as the page may hold. What one line renders to is never parted. */
async function collect(
  body: Readable,
  words: Words,
  from: number,
  limitBytes: number,
  ctx: CallContext,
  ended: boolean,
): Promise<Page> {
  const page = new LogText(limitBytes);
  let line = 0;
  let lost: string | undefined;
  let said = false;
  try {
    for await (const { text, whole, overlong } of linesOf(body)) {
      // The last line of a log that still grows may be half of one.
      if (!whole && !ended) break;
      line += 1;
      const source: string | undefined = said || overlong ? undefined : words.source(text);
      said ||= source === undefined;
      if (source !== undefined && LOST.test(source)) lost ??= source;
      if (line <= from) continue;
      const shown = overlong ? words.beginning(text) : words.render(text);
      if (shown === undefined) continue;
      if (!page.add(toLine(shown, limitBytes, overlong))) {
        return { text: page, next: line - 1, isLast: false, lost: undefined };
      }
    }
  } catch (error) {
    throw error instanceof EngineError ? error : clientError(error, ctx.signal);
  } finally {
    body.destroy();
  }
  return { text: page, next: Math.max(line, from), isLast: true, lost: said ? undefined : lost };
}

/** Bytes that are no UTF-8 are an answer nobody can read. */
async function* linesOf(body: Readable): AsyncGenerator<{ text: string; whole: boolean; overlong: boolean }> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  let overlong = false;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const text = decode(decoder, chunk);
    let begin = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
      yield { text: rest + text.slice(begin, end), whole: true, overlong };
      begin = end + 1;
      [rest, overlong] = ['', false];
    }
    if (!overlong) rest += text.slice(begin);
    if (rest.length > ENTRY_LIMIT) [rest, overlong] = [rest.slice(0, LINE_LIMIT_BYTES), true];
  }
  if (rest !== '') yield { text: rest, whole: false, overlong };
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Buffer): string {
  try {
    return decoder.decode(chunk, { stream: true });
  } catch (cause) {
    throw garbage('a log that is no UTF-8', cause);
  }
}

/** With its end; cut and marked where it is too long, or only its beginning is known. */
function toLine(shown: string, limitBytes: number, isBeginning: boolean): string {
  const limit = Math.min(LINE_LIMIT_BYTES, limitBytes);
  if (!isBeginning && Buffer.byteLength(shown) < limit) return `${shown}\n`;
  const room = Math.max(0, limit - Buffer.byteLength(CUT) - 1);
  // A character that was parted becomes the sign for one that cannot be read, which may be longer than its part.
  const kept = Buffer.from(shown)
    .subarray(0, room)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  return `${kept}${CUT}\n`;
}

function hasEnded({ word, tryNumber }: TaskInstance, attempt: number): boolean {
  if (attempt < tryNumber || word === 'up_for_retry') return true;
  const state = word !== null && Object.hasOwn(TASK_WORDS, word) ? TASK_WORDS[word] : undefined;
  return state !== undefined && FINAL_TASK_STATES.includes(state);
}

function lineOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const line = /^line-(\d{1,12})$/.exec(cursor)?.[1];
  if (line === undefined) throw new EngineError('rejected', 'the cursor is not one of this log');
  return Number(line);
}

function none(reason: string): LogPage {
  return { source: 'none', chunks: new LogText(0).chunks(), end: true, reason };
}
