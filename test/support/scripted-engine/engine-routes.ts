/** The API of the scripted engine: from a request to what it means, and what is done about it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from '../../../definition/definition-types.js';
import { assertNever } from '../../../definition/assert-never.js';
import type { EngineMemory } from './engine-memory.js';
import { ENDED_RUN_WORDS, ENDED_TASK_WORDS, allRuns, clear, logText, runWord, stopTask } from './execution.js';
import type { Execution, SubmitBody, TaskRun } from './execution.js';
import { executionJson, offerJson, taskRunJson } from './engine-json.js';
import type { EngineVerb } from './rules.js';
import { readScriptedWorkflow } from './scripted-workflow.js';

export interface EngineRequest {
  method: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface EngineAnswer {
  status: number;
  headers?: Record<string, string>;
  /** JSON unless it is bytes. */
  body: Json | Uint8Array;
  /** For the journal. */
  did: string;
  uid?: string;
}

export interface EngineCall {
  verb: EngineVerb;
  key?: string;
  /** Path segments after the collection. */
  path: string[];
}

const ROUTES: readonly [method: string, pattern: RegExp, verb: EngineVerb][] = [
  ['GET', /^\/version$/, 'version'],
  ['POST', /^\/definitions\/validate$/, 'validate'],
  ['PUT', /^\/definitions\/([^/]+)$/, 'register'],
  ['DELETE', /^\/definitions\/([^/]+)$/, 'retire'],
  ['GET', /^\/definitions\/([^/]+)$/, 'describe'],
  ['GET', /^\/definitions$/, 'list-definitions'],
  ['POST', /^\/executions$/, 'submit'],
  ['POST', /^\/executions\/list$/, 'list'],
  ['POST', /^\/executions\/born$/, 'list-born'],
  ['POST', /^\/executions\/forget$/, 'forget'],
  ['GET', /^\/executions$/, 'list-all'],
  ['GET', /^\/executions\/([^/]+)$/, 'get'],
  ['GET', /^\/executions\/([^/]+)\/tasks$/, 'tasks'],
  ['POST', /^\/executions\/([^/]+)\/cancel$/, 'cancel'],
  ['POST', /^\/executions\/([^/]+)\/retry$/, 'retry'],
  ['POST', /^\/executions\/([^/]+)\/pause$/, 'pause'],
  ['POST', /^\/executions\/([^/]+)\/resume$/, 'resume'],
  ['POST', /^\/executions\/([^/]+)\/tasks\/([^/]+)\/retry$/, 'retry-task'],
  ['POST', /^\/executions\/([^/]+)\/tasks\/([^/]+)\/cancel$/, 'cancel-task'],
  ['GET', /^\/executions\/([^/]+)\/tasks\/([^/]+)\/log$/, 'logs'],
  ['GET', /^\/objects\/([^/]+)$/, 'read-object'],
  ['PUT', /^\/objects\/([^/]+)$/, 'write-object'],
  ['GET', /^\/hints$/, 'hints'],
];

/** Executions on one page of the list, and task runs on one page of theirs. */
export const LIST_PAGE = 100;
export const TASK_PAGE = 1_000;
/** Definitions on one page of theirs. */
const DEFINITION_PAGE = 50;

export function recognise(request: EngineRequest): EngineCall | undefined {
  for (const [method, pattern, verb] of ROUTES) {
    const match = request.method === method ? pattern.exec(request.url.pathname) : null;
    if (!match) continue;
    const path = match.slice(1).map(decodeURIComponent);
    const inBody = verb === 'submit' ? (request.body as Partial<SubmitBody> | null)?.key : undefined;
    const key = request.url.pathname.startsWith('/executions/') ? path[0] : inBody;
    return key === undefined ? { verb, path } : { verb, key, path };
  }
  return undefined;
}

/** Does what the call asks for. */
export function act(call: EngineCall, request: EngineRequest, memory: EngineMemory): EngineAnswer {
  const now = Date.now();
  const name = call.path[0] ?? '';
  switch (call.verb) {
    case 'version':
      return { status: 200, body: { version: '1.0.0', instance: memory.instanceId }, did: 'told' };
    case 'validate':
      return validate(String((request.body as { text?: unknown }).text));
    case 'register':
      memory.define(name, String((request.body as { text?: unknown }).text), now);
      return describe(name, memory, now);
    case 'retire':
      memory.definitions.delete(name);
      return { status: 200, body: { retired: name }, did: 'retired' };
    case 'describe':
      return describe(name, memory, now);
    case 'list-definitions':
      return { status: 200, body: listDefinitions(request.url.searchParams, memory), did: 'listed' };
    case 'submit':
      return submit(request, memory);
    case 'list': {
      const keys = (request.body as { keys: string[] }).keys;
      if (keys.length > LIST_PAGE) return refusal(422, 'page-too-long', `at most ${LIST_PAGE} keys`);
      const found = keys.flatMap((key) => memory.byKey(key) ?? []);
      return { status: 200, body: { executions: found.map((one) => executionJson(one, now)) }, did: 'listed' };
    }
    case 'forget': {
      const ended = (request.body as { keys: string[] }).keys.filter((key) => {
        const execution = memory.byKey(key);
        return execution !== undefined && ENDED_RUN_WORDS.includes(runWord(execution, now));
      });
      for (const key of ended) memory.forget(key);
      return { status: 200, body: { forgotten: ended.length }, did: `forgot ${ended.length}` };
    }
    case 'list-born':
      return { status: 200, body: listBorn(request.body as BornQuery, memory, now), did: 'listed' };
    case 'list-all':
      return { status: 200, body: listAll(request.url.searchParams, memory, now), did: 'listed' };
    case 'read-object': {
      const value = memory.objects.get(name);
      if (value === undefined) return refusal(404, 'not-found', `no object ${name}`);
      return { status: 200, body: { value, instance: memory.instanceId }, did: 'read' };
    }
    case 'write-object': {
      if (memory.objects.has(name)) return refusal(409, 'exists', `object ${name} exists`);
      memory.objects.set(name, String((request.body as { value?: unknown }).value));
      return { status: 201, body: { written: name }, did: 'written' };
    }
    case 'hints':
      throw new Error('the hint stream is served apart');
    case 'get':
    case 'tasks':
    case 'logs':
    case 'cancel':
    case 'retry':
    case 'retry-task':
    case 'cancel-task':
    case 'pause':
    case 'resume': {
      const execution = memory.byKey(name);
      if (!execution) return refusal(404, 'not-found', `no execution ${name}`);
      return { ...onExecution(call.verb, execution, call, request, memory), uid: execution.uid };
    }
    default:
      return assertNever(call.verb);
  }
}

/** One page in order of creation; `after` is the uid of the last one of the page before. */
function listAll(query: URLSearchParams, memory: EngineMemory, now: number): Json {
  const since = Date.parse(query.get('since') ?? '');
  const all = memory
    .all()
    .filter((one) => !(one.created_at < since))
    .sort((a, b) => a.created_at - b.created_at || Number(a.uid.split('-')[1]) - Number(b.uid.split('-')[1]));
  const after = query.get('after');
  const rest = after === null ? all : all.slice(all.findIndex((one) => one.uid === after) + 1);
  const page = rest.slice(0, LIST_PAGE);
  const next = rest.length > page.length ? (page.at(-1)?.uid ?? null) : null;
  return { executions: page.map((one) => executionJson(one, now)), next };
}

interface BornQuery {
  definitions: string[];
  ended_since: string;
  after?: string;
}

/** One page of what others started, in order of creation; `after` is the uid of the last one of the page before. */
function listBorn({ definitions, ended_since: since, after }: BornQuery, memory: EngineMemory, now: number): Json {
  const born = memory
    .all()
    .filter(({ body }) => body.marker === undefined && definitions.includes(body.definition))
    .filter(({ finished_at: end }) => end === undefined || end >= Date.parse(since))
    .sort((a, b) => Number(a.uid.split('-')[1]) - Number(b.uid.split('-')[1]));
  const rest = after === undefined ? born : born.slice(born.findIndex(({ uid }) => uid === after) + 1);
  const page = rest.slice(0, LIST_PAGE);
  const next = rest.length > page.length ? (page.at(-1)?.uid ?? null) : null;
  const executions = page.map((one) => ({
    ...executionJson(one, now),
    definition: one.body.definition,
    parameters: one.body.parameters,
  }));
  return { executions, next };
}

/** One page in the order of names; `after` is the last name of the page before. */
function listDefinitions(query: URLSearchParams, memory: EngineMemory): Json {
  const after = query.get('after') ?? '';
  const rest = [...memory.definitions].filter(([name]) => name > after).sort(([a], [b]) => (a < b ? -1 : 1));
  const page = rest.slice(0, DEFINITION_PAGE);
  const next = rest.length > page.length ? (page.at(-1)?.[0] ?? null) : null;
  return { definitions: page.map(([name, stored]) => ({ name, ...offerJson(stored) })), next };
}

function validate(text: string): EngineAnswer {
  try {
    const workflow = readScriptedWorkflow(text);
    return { status: 200, body: { problems: [], tasks: graph(workflow.tasks) }, did: 'valid' };
  } catch (error) {
    return { status: 200, body: { problems: [(error as Error).message], tasks: [] }, did: 'invalid' };
  }
}

function describe(name: string, memory: EngineMemory, now: number): EngineAnswer {
  const stored = memory.definitions.get(name);
  if (!stored) return refusal(404, 'not-found', `no definition ${name}`);
  const offer = offerJson(stored);
  if (now < stored.parsedAt) return { status: 200, body: { state: 'parsing', ...offer }, did: 'parsing' };
  if (stored.error !== undefined) {
    return { status: 200, body: { state: 'refused', message: stored.error, ...offer }, did: 'refused' };
  }
  const tasks = graph(stored.workflow?.tasks ?? []);
  return { status: 200, body: { state: 'ready', tasks, ...offer }, did: 'ready' };
}

function graph(tasks: { id: string; needs?: string[] }[]): Json {
  return tasks.map((task) => ({
    id: task.id,
    downstream: tasks.filter((other) => (other.needs ?? []).includes(task.id)).map((other) => other.id),
  }));
}

function submit(request: EngineRequest, memory: EngineMemory): EngineAnswer {
  const body = request.body as SubmitBody;
  const known = memory.byKey(body.key);
  if (known && memory.dedupe) {
    return { ...refusal(409, 'exists', `execution ${body.key} exists`), did: 'exists', uid: known.uid };
  }
  const stored = memory.definitions.get(body.definition);
  if (body.script === undefined && (!stored?.workflow || Date.now() < stored.parsedAt)) {
    return refusal(422, 'no-definition', `no definition ${body.definition} is ready`);
  }
  const workflow = body.script === undefined ? stored?.workflow : readScriptedWorkflow(body.script);
  if (!workflow) return refusal(422, 'no-definition', `no definition ${body.definition} is ready`);
  const traceparent = request.headers['traceparent'];
  const execution = memory.create(body, workflow, typeof traceparent === 'string' ? traceparent : undefined);
  return { status: 201, body: executionJson(execution, Date.now()), did: 'created', uid: execution.uid };
}

type ExecutionVerb = 'get' | 'tasks' | 'logs' | 'cancel' | 'retry' | 'retry-task' | 'cancel-task' | 'pause' | 'resume';

function onExecution(
  verb: ExecutionVerb,
  execution: Execution,
  call: EngineCall,
  request: EngineRequest,
  memory: EngineMemory,
): EngineAnswer {
  const now = Date.now();
  const ended = ENDED_RUN_WORDS.includes(runWord(execution, now));
  const done = (did: string): EngineAnswer => ({ status: 200, body: executionJson(execution, Date.now()), did });
  const body = (request.body ?? {}) as { mode?: 'graceful' | 'force'; round?: number; item_index?: number | null };
  switch (verb) {
    case 'get':
      return done('found');
    case 'tasks': {
      const offset = Number(request.url.searchParams.get('offset') ?? 0);
      const runs = allRuns(execution);
      const page = runs.slice(offset, offset + TASK_PAGE).map((run) => taskRunJson(execution, run));
      const { key } = execution.body;
      return { status: 200, body: { key, total: runs.length, task_runs: page }, did: 'listed' };
    }
    case 'logs':
      return log(execution, call.path[1] ?? '', request.url.searchParams);
    case 'cancel':
      if (ended) return refusal(409, 'ended', `execution ${execution.body.key} has ended`);
      memory.change(execution, () => {
        execution.stop = { mode: body.mode ?? 'graceful', at: now + memory.conduct.stopDelayMs };
      });
      return done(`stop ${body.mode ?? 'graceful'}`);
    case 'pause':
    case 'resume':
      if (ended) return refusal(409, 'ended', `execution ${execution.body.key} has ended`);
      memory.change(execution, () => (execution.paused = verb === 'pause'));
      return done(verb);
    case 'retry':
    case 'retry-task': {
      if (!ended || execution.round !== body.round) {
        return refusal(409, 'active', `execution ${execution.body.key} is in round ${execution.round}`);
      }
      const chosen = verb === 'retry' ? notWell : (run: TaskRun) => isTask(run, call.path[1], body.item_index);
      let count = 0;
      memory.change(execution, () => (count = clear(execution, chosen)));
      return { status: 200, body: { key: execution.body.key, cleared: count }, did: `cleared ${count}` };
    }
    case 'cancel-task': {
      const open = allRuns(execution).filter(
        (run) => isTask(run, call.path[1], body.item_index) && !ENDED_TASK_WORDS.includes(run.state),
      );
      if (open.length === 0) return refusal(409, 'ended', 'the task has ended');
      memory.change(execution, (at) => stopTask(execution, open, at));
      return done('task stopped');
    }
    default:
      return assertNever(verb);
  }
}

function notWell(run: TaskRun): boolean {
  return ['failed', 'upstream_failed', 'stopped'].includes(run.state);
}

function isTask(run: TaskRun, id: string | undefined, item: number | null | undefined): boolean {
  return run.task.id === id && (item === undefined || item === null || run.item_index === item);
}

/** One page of a log: whole lines from a byte offset, as many as fit. */
function log(execution: Execution, task: string, query: URLSearchParams): EngineAnswer {
  const number = Number(query.get('attempt'));
  const item = query.get('item_index');
  const run = allRuns(execution).find((one) => isTask(one, task, item === null ? undefined : Number(item)));
  const attempt = run?.attempts.find((one) => one.number === number);
  if (!run || !attempt) return refusal(404, 'no-log', `no attempt ${number} of ${task}`);
  const whole = Buffer.from(logText(run, number));
  const offset = Number(query.get('offset') ?? 0);
  const limit = Number(query.get('limit') ?? 65_536);
  const rest = whole.subarray(offset);
  const lastLine = rest.subarray(0, limit).lastIndexOf(10);
  const page = rest.length <= limit ? rest : rest.subarray(0, lastLine < 0 ? limit : lastLine + 1);
  const ended = attempt.state !== 'running';
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-log-next': String(offset + page.length),
    'x-log-end': String(ended && offset + page.length >= whole.length),
  };
  return { status: 200, headers, body: page, did: 'logged' };
}

function refusal(status: number, error: string, message: string): EngineAnswer {
  return { status, body: { error, message }, did: `refused ${error}` };
}
