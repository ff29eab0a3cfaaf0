import { CliError } from './cli-error.js';
import { EXIT, exitCodeOfStatus } from './exit-codes.js';
import { safeLine } from './safe-text.js';

export interface ProblemItem {
  pointer?: string;
  parameter?: string;
  line?: number;
  code?: string;
  message?: string;
}

/** An answer of the API that is an error: its problem details as one sentence and a line per item. */
export class ApiProblem extends CliError {
  constructor(
    readonly status: number,
    readonly code: string | undefined,
    message: string,
    readonly errors: ProblemItem[],
    items: string[],
  ) {
    super(message, { exitCode: exitCodeOfStatus(status), items });
    this.name = 'ApiProblem';
  }
}

/** No answer at all. */
export class Unreachable extends CliError {
  constructor(url: string, cause: unknown) {
    super(
      `${url} does not answer (${connectionTrouble(cause).reason}). Is the service running there? Set --url or SIGNALBOX_URL.`,
      {
        exitCode: EXIT.infrastructure,
        cause,
      },
    );
    this.name = 'Unreachable';
  }
}

/** Reads a body as problem details; a body that is something else (a proxy's page) is not shown. */
export function toApiProblem(status: number, body: unknown): ApiProblem {
  if (!isRecord(body) || typeof body['title'] !== 'string') {
    return new ApiProblem(status, undefined, `The service answered ${status} without saying why.`, [], []);
  }
  const code = typeof body['code'] === 'string' ? body['code'] : undefined;
  const errors = Array.isArray(body['errors']) ? body['errors'].filter(isRecord).map(toItem) : [];
  const detail = detailIn(body, errors) ?? body['title'];
  const items = errors.map(itemLine);
  const allowed = allowedActions(body['allowed_actions']);
  if (allowed !== undefined) items.push(`possible now: ${allowed}`);
  if (status >= 500 && typeof body['trace_id'] === 'string') items.push(`trace id: ${safeLine(body['trace_id'])}`);
  const suffix = code === undefined ? '' : ` (${code})`;
  return new ApiProblem(status, code, `${safeLine(detail).replace(/\.$/, '')}${suffix}.`, errors, items);
}

/** What the problem document says that its items do not. */
function detailIn({ detail }: Record<string, unknown>, errors: ProblemItem[]): string | undefined {
  if (typeof detail !== 'string' || detail === '') return undefined;
  const isRepeated = errors.some(({ message }) => message && detail.startsWith(message.replace(/\.$/, '')));
  return isRepeated ? undefined : detail;
}

/** `/parameters/epochs: must be at least 1`; a sentence about its parameter needs no place in front. */
export function itemLine(item: ProblemItem): string {
  const line = item.line === undefined ? '' : `line ${item.line}: `;
  const where = item.parameter ?? (item.pointer === '' ? undefined : item.pointer);
  const what = item.message ?? item.code ?? 'is wrong';
  const isNamed = where === undefined || what.startsWith(`${where} `);
  return safeLine(`${line}${isNamed ? '' : `${where}: `}${what}`);
}

function toItem(value: Record<string, unknown>): ProblemItem {
  const item: ProblemItem = {};
  for (const key of ['pointer', 'parameter', 'code', 'message'] as const) {
    const member = value[key];
    if (typeof member === 'string') item[key] = member;
  }
  if (typeof value['line'] === 'number') item.line = value['line'];
  return item;
}

/** The problem of a refused lifecycle request lists what would be accepted. */
function allowedActions(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = value
    .map((entry: unknown) => (isRecord(entry) ? (entry['available'] === false ? undefined : entry['action']) : entry))
    .filter((name): name is string => typeof name === 'string');
  return names.length === 0 ? 'nothing' : safeLine(names.join(', '));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const LASTING: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'unknown host',
  'bad port': 'a port that HTTP clients refuse',
};
const PASSING: Record<string, string> = {
  EAI_AGAIN: 'the name service does not answer',
  ECONNRESET: 'the connection broke',
  UND_ERR_SOCKET: 'the connection broke',
  TimeoutError: 'no answer in time',
};

/** Why there was no answer, and whether that will hardly change by itself. fetch hides the socket's error some causes down. */
export function connectionTrouble(error: unknown): { reason: string; lasting: boolean } {
  let reason = 'no connection';
  for (let current = error, depth = 0; depth < 5 && isRecord(current); depth++) {
    for (const name of [current['code'], current['name'], current['message']]) {
      if (typeof name !== 'string') continue;
      if (Object.hasOwn(LASTING, name)) return { reason: LASTING[name] ?? name, lasting: true };
      if (Object.hasOwn(PASSING, name)) return { reason: PASSING[name] ?? name, lasting: false };
    }
    if (typeof current['message'] === 'string' && current['message'] !== '') reason = safeLine(current['message']);
    const [first] = Array.isArray(current['errors']) ? (current['errors'] as unknown[]) : [];
    current = first ?? current['cause'];
  }
  return { reason, lasting: false };
}
