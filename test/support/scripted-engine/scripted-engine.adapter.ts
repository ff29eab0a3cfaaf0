/** The model of an adapter for an engine behind HTTP that refuses a second execution under the same key. */
import { randomUUID } from 'node:crypto';
import { defineAdapter } from '../../../adapters/spi/engine-adapter.js';
import type {
  CallContext,
  CoreVerbs,
  EngineAdapter,
  FindOutcome,
  Marker,
  OptionalVerbs,
  Registration,
  RetryOutcome,
  SubmitOutcome,
  Validation,
  VerbSupport,
  WorkflowVersion,
} from '../../../adapters/spi/engine-adapter.js';
import { nameOnEngine } from '../../../adapters/spi/born.js';
import { EngineError } from '../../../adapters/spi/engine-error.js';
import { FINAL_PHASES } from '../../../adapters/spi/facts.js';
import type { ExecutionRef, Observation, TaskGraph, TaskRunFacts } from '../../../adapters/spi/facts.js';
import type { Json } from '../../../definition/definition-types.js';
import { discoverDefinitions } from './discover.js';
import { listBornExecutions } from './born-executions.js';
import { followHints } from './hint-stream.js';
import { readLogPage } from './log-pages.js';
import { garbage, readList, readObject, readText } from '../../../adapters/spi/http/read-answer.js';
import { ScriptedEngineClient } from './scripted-engine-client.js';
import { readExecution, readExecutionPage, readTaskPage } from './to-observation.js';
import type { ReadExecution } from './to-observation.js';

export interface ScriptedEngineOptions {
  url: string;
  token?: string | undefined;
  installationId: string;
  /** Milliseconds the engine keeps keys; 0 plays an engine that does not refuse duplicates. */
  dedupeHorizonMs: number;
  registers: 'at-once' | 'later';
}

/** Executions one list call may ask for. */
const LIST_PAGE = 100;
const VERBS = {
  retry: 'native',
  retryTask: 'native',
  cancelTask: 'native',
  pause: 'native',
  resume: 'native',
  list: 'native',
  hints: 'native',
  forget: 'native',
  discover: 'native',
  listBorn: 'native',
} as const satisfies VerbSupport;

export function createScriptedEngineAdapter(options: ScriptedEngineOptions): EngineAdapter {
  const client = new ScriptedEngineClient(options);
  const closing = new AbortController();
  const sentinelPath = `/objects/signalbox-${encodeURIComponent(options.installationId)}`;
  let sentinelSeen = false;

  /** The execution under the ref's key, or nothing when the engine positively has none. */
  async function get(ref: ExecutionRef, ctx: CallContext): Promise<ReadExecution | undefined> {
    const name = nameOnEngine(ref);
    const answer = await unlessAbsent(client.get(pathOf(name), ctx));
    return answer === undefined ? undefined : underKey(readExecution(answer, name), ref);
  }

  async function find(ref: ExecutionRef, marker: Marker, ctx: CallContext): Promise<FindOutcome> {
    const found = await get(ref, ctx);
    if (!found) return { outcome: 'absent' };
    return found.marker && sameMarker(found.marker, marker)
      ? { outcome: 'found', ...identity(found) }
      : { outcome: 'conflict', message: `${ref.key} on the engine is of installation ${found.marker?.installationId}` };
  }

  /** Restarts what `path` names, unless the execution has moved on since `baseline`. */
  async function restart(
    ref: ExecutionRef,
    path: string,
    baseline: string,
    more: object,
    ctx: CallContext,
  ): Promise<RetryOutcome> {
    const found = await get(ref, ctx);
    if (!found) throw new EngineError('not-found', `the engine has no execution ${ref.key}`);
    const { facts, round } = found;
    const ended = facts.phase !== undefined && FINAL_PHASES.includes(facts.phase);
    if (!ended || facts.baseline !== baseline) return { outcome: 'active-again' };
    let answer: Json;
    try {
      answer = await client.post(path, { round, ...more }, ctx);
    } catch (error) {
      // The engine compares the round: somebody was faster.
      if (error instanceof EngineError && error.code === 'conflict') return { outcome: 'active-again' };
      throw error;
    }
    const told = readObject(answer, 'the answer to a retry');
    if (told['key'] !== nameOnEngine(ref) || typeof told['cleared'] !== 'number')
      throw garbage('a retry without its count');
    const outcome: RetryOutcome =
      told['cleared'] > 0
        ? { outcome: 'accepted', ...identity(found) }
        : { outcome: 'nothing-to-retry', message: 'the engine had no task to clear' };
    return outcome;
  }

  /** Posts to an execution that must still be active; `ended` when it is not. */
  async function act(
    ref: ExecutionRef,
    path: string,
    body: object,
    ctx: CallContext,
  ): Promise<'done' | 'ended' | 'absent'> {
    const found = await get(ref, ctx);
    if (!found) return 'absent';
    if (found.facts.phase !== undefined && FINAL_PHASES.includes(found.facts.phase)) return 'ended';
    try {
      readExecution(await client.post(path, body, ctx), nameOnEngine(ref));
      return 'done';
    } catch (error) {
      if (error instanceof EngineError && error.code === 'conflict') return 'ended';
      if (error instanceof EngineError && error.code === 'not-found') return 'absent';
      throw error;
    }
  }

  async function mustAct(ref: ExecutionRef, verb: 'pause' | 'resume', ctx: CallContext): Promise<void> {
    const outcome = await act(ref, `${pathOf(nameOnEngine(ref))}/${verb}`, {}, ctx);
    if (outcome === 'ended') throw new EngineError('rejected', `${ref.key} has ended`);
    if (outcome === 'absent') throw new EngineError('not-found', `the engine has no execution ${ref.key}`);
  }

  const verbs: CoreVerbs & OptionalVerbs = {
    ping: async (ctx) => ({
      version: readText(readObject(await client.get('/version', ctx), 'the version')['version'], 'version'),
    }),
    validate: async (definition, ctx) => {
      if (definition.format === 'reference') return { diagnostics: [] };
      const answer = readObject(
        await client.post('/definitions/validate', { text: definition.text }, ctx),
        'validation',
      );
      const problems = readList(answer['problems'], 'problems').map((problem) => readText(problem, 'a problem'));
      const validation: Validation = { diagnostics: problems.map(toDiagnostic) };
      if (problems.length === 0 && options.registers === 'at-once') validation.graph = readGraph(answer['tasks']);
      return validation;
    },
    register: async (workflow, ctx) => {
      if (workflow.definition.format === 'reference') {
        const there = await unlessAbsent(client.get(definitionPath(workflow), ctx));
        return there === undefined ? { state: 'PENDING' } : readRegistration(there);
      }
      const answer = await client.put(definitionPath(workflow), { text: workflow.definition.text }, ctx);
      return readRegistration(answer);
    },
    retire: async (workflow, ctx) => {
      if (workflow.definition.format === 'reference') return;
      await client.delete(definitionPath(workflow), ctx);
    },
    describe: async (workflow, ctx) => {
      const answer = readObject(await client.get(definitionPath(workflow), ctx), 'the definition');
      if (answer['state'] !== 'ready') throw new EngineError('unavailable', 'the engine has not parsed it yet');
      return readGraph(answer['tasks']);
    },
    submit: async (submission, ctx) => {
      const { ref, marker, workflow } = submission;
      const body = {
        key: ref.key,
        marker: { installation_id: marker.installationId, key: marker.key, content_digest: marker.contentDigest },
        definition: definitionName(workflow),
        ...(options.registers === 'at-once' && workflow.definition.format === 'native'
          ? { script: workflow.definition.text }
          : {}),
        parameters: submission.parameters,
        labels: submission.labels,
        run_id: submission.runId,
        title: workflow.title,
      };
      try {
        return {
          outcome: 'accepted',
          ...identity(readExecution(await client.post('/executions', body, ctx), ref.key)),
        };
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
        return whoseConflict(await find(ref, marker, ctx).catch(asUnknown), error);
      }
    },
    find,
    observe: async (ref, ctx) => {
      const found = await get(ref, ctx);
      if (!found) return { presence: 'absent', key: ref.key };
      // Tasks are read after the run: what they say is never older than its phase.
      return { ...found.facts, taskRuns: await readTaskRuns(client, nameOnEngine(ref), ctx) };
    },
    observeMany: async (refs, ctx) => {
      const pages = pagesOf(refs);
      const answers = await Promise.allSettled(pages.map((page) => observePage(client, page, ctx)));
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed && answers.every((answer) => answer.status === 'rejected')) throw failed.reason;
      return answers.flatMap((answer, index) =>
        answer.status === 'fulfilled'
          ? answer.value
          : (pages[index] ?? []).map(({ key }) => unread(key, String(answer.reason))),
      );
    },
    sentinel: async (ctx) => {
      let answer = await unlessAbsent(client.get(sentinelPath, ctx));
      if (answer === undefined) {
        if (sentinelSeen) return { state: 'missing' };
        // Another process may write it first: what counts is what is read back.
        await client.put(sentinelPath, { value: randomUUID() }, ctx).catch(unlessConflict);
        answer = await client.get(sentinelPath, ctx);
      }
      const object = readObject(answer, 'the sentinel');
      const epoch = `${readText(object['instance'], 'instance')} ${readText(object['value'], 'value')}`;
      sentinelSeen = true;
      return { state: 'present', epoch };
    },
    cancel: async (ref, mode, ctx) => {
      const outcome = await act(ref, `${pathOf(nameOnEngine(ref))}/cancel`, { mode }, ctx);
      return { outcome: outcome === 'done' ? 'requested' : outcome === 'ended' ? 'already-final' : 'absent' };
    },
    logs: (request, ctx) => readLogPage(client, request, ctx),
    close: async () => {
      closing.abort();
      client.close();
    },
    retry: (ref, baseline, ctx) => restart(ref, `${pathOf(nameOnEngine(ref))}/retry`, baseline, {}, ctx),
    retryTask: (ref, { task, mapIndex }, baseline, ctx) =>
      restart(ref, `${taskPath(nameOnEngine(ref), task)}/retry`, baseline, { item_index: mapIndex ?? null }, ctx),
    cancelTask: async (ref, { task, mapIndex }, ctx) => {
      const outcome = await act(
        ref,
        `${taskPath(nameOnEngine(ref), task)}/cancel`,
        { item_index: mapIndex ?? null },
        ctx,
      );
      return { outcome: outcome === 'done' ? 'requested' : outcome === 'ended' ? 'already-final' : 'absent' };
    },
    pause: (ref, ctx) => mustAct(ref, 'pause', ctx),
    resume: (ref, ctx) => mustAct(ref, 'resume', ctx),
    list: async ({ since, cursor }, ctx) => {
      const after = cursor === undefined ? '' : `&after=${encodeURIComponent(cursor)}`;
      const path = `/executions?since=${encodeURIComponent(since.toISOString())}${after}`;
      return readExecutionPage(await client.get(path, ctx));
    },
    hints: (listener) => followHints(client, listener, closing.signal),
    discover: (request, ctx) => discoverDefinitions(client, request, ctx),
    listBorn: (request, ctx) => listBornExecutions(client, request, ctx),
    forget: async (refs, ctx) => {
      for (const page of pagesOf(refs)) {
        const answer = await client.post('/executions/forget', { keys: page.map(({ key }) => key) }, ctx);
        if (typeof readObject(answer, 'what was forgotten')['forgotten'] !== 'number') throw garbage('no count');
      }
    },
  };

  return defineAdapter(
    'scripted',
    {
      verbs: VERBS,
      registers: options.registers,
      dedupeHorizonMs: options.dedupeHorizonMs,
      retryKind: 'in-place',
      formats: ['native', 'reference'],
      pageSize: LIST_PAGE,
    },
    verbs,
  );
}

async function readTaskRuns(client: ScriptedEngineClient, key: string, ctx: CallContext): Promise<TaskRunFacts[]> {
  const taskRuns: TaskRunFacts[] = [];
  for (;;) {
    const page = readTaskPage(await client.get(`${pathOf(key)}/tasks?offset=${taskRuns.length}`, ctx), key);
    taskRuns.push(...page.taskRuns);
    if (taskRuns.length >= page.total) return taskRuns;
    if (page.taskRuns.length === 0) throw garbage(`${taskRuns.length} of ${page.total} task runs`);
  }
}

async function observePage(
  client: ScriptedEngineClient,
  page: ExecutionRef[],
  ctx: CallContext,
): Promise<Observation[]> {
  const answer = await client.post('/executions/list', { keys: page.map(nameOnEngine) }, ctx);
  const byKey = new Map<string, Json>();
  for (const execution of readList(readObject(answer, 'the list')['executions'], 'executions')) {
    if (typeof execution === 'object' && execution !== null && !Array.isArray(execution)) {
      byKey.set(String(execution['key']), execution);
    }
  }
  return page.map((ref) => {
    const { key } = ref;
    const execution = byKey.get(nameOnEngine(ref));
    if (execution === undefined) return unread(key, 'the list does not hold it');
    try {
      return underKey(readExecution(execution, nameOnEngine(ref)), ref).facts;
    } catch (error) {
      // One execution that cannot be read must not hide the others.
      return unread(key, (error as Error).message);
    }
  });
}

/** Whatever the engine calls it: we asked for a key. */
function underKey(found: ReadExecution, { key }: ExecutionRef): ReadExecution {
  return { ...found, facts: { ...found.facts, key } };
}

function readRegistration(answer: Json): Registration {
  const told = readObject(answer, 'the registration');
  const state = readText(told['state'], 'state');
  if (state === 'ready') return { state: 'READY' };
  if (state === 'parsing') return { state: 'PENDING' };
  if (state === 'refused')
    return { state: 'FAILED', diagnostics: [toDiagnostic(readText(told['message'], 'message'))] };
  throw garbage(`a registration ${state}`);
}

function readGraph(tasks: Json | undefined): TaskGraph {
  const read = readList(tasks, 'tasks').map((answer) => {
    const task = readObject(answer, 'a task');
    const downstream = readList(task['downstream'], 'downstream').map((id) => readText(id, 'a downstream task'));
    return { title: readText(task['id'], 'id of a task'), downstream };
  });
  return { tasks: read };
}

function whoseConflict(found: FindOutcome, refusal: EngineError): SubmitOutcome {
  if (found.outcome === 'found') return { ...found, outcome: 'accepted' };
  if (found.outcome === 'conflict') return found;
  // Refused for a reason that is not our key: somebody else's object stands in the way.
  throw refusal;
}

/** After a refused duplicate the look-up decides; without it nobody knows whose the key is. */
function asUnknown(error: unknown): never {
  throw new EngineError('unknown', 'the key is taken and its owner could not be read', { cause: error });
}

async function unlessAbsent(call: Promise<Json>): Promise<Json | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof EngineError && error.code === 'not-found') return undefined;
    throw error;
  });
}

function unlessConflict(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'conflict') throw error;
}

function sameMarker(a: Marker, b: Marker): boolean {
  return a.installationId === b.installationId && a.key === b.key && a.contentDigest === b.contentDigest;
}

function identity({ facts }: ReadExecution): { externalId: string; engineUid?: string } {
  return facts.engineUid === undefined
    ? { externalId: facts.externalId }
    : { externalId: facts.externalId, engineUid: facts.engineUid };
}

function pagesOf(refs: ExecutionRef[]): ExecutionRef[][] {
  return Array.from({ length: Math.ceil(refs.length / LIST_PAGE) }, (_, page) =>
    refs.slice(page * LIST_PAGE, (page + 1) * LIST_PAGE),
  );
}

function unread(key: string, reason: string): Observation {
  return { presence: 'unread', key, reason };
}

function toDiagnostic(message: string): { severity: 'error'; code: string; message: string; pointer: string } {
  return { severity: 'error', code: 'engine-refused', message, pointer: '' };
}

function pathOf(key: string): string {
  return `/executions/${encodeURIComponent(key)}`;
}

function taskPath(key: string, task: string): string {
  return `${pathOf(key)}/tasks/${encodeURIComponent(task)}`;
}

/** By id: titles are the user's, and an id is one version's for ever. A reference names what is there already. */
function definitionName(workflow: WorkflowVersion): string {
  const { format, text } = workflow.definition;
  return format === 'reference' ? text.trim() : `workflow-${workflow.id}`;
}

function definitionPath(workflow: WorkflowVersion): string {
  return `/definitions/${encodeURIComponent(definitionName(workflow))}`;
}
