import type { EngineKind } from '../../adapters/spi/engine-kind.js';
import {
  defineAdapter,
  NO_VERBS,
  type CallContext,
  type Capabilities,
  type LogPage,
  type Submission,
} from '../../adapters/spi/engine-adapter.js';
import type { EngineWorkflow } from '../../adapters/spi/discovery.js';
import { EngineError } from '../../adapters/spi/engine-error.js';
import type { Observation, PresentExecution, TaskGraph, TaskRunFacts } from '../../adapters/spi/facts.js';
import type { Diagnostic } from '../../definition/definition-types.js';
import { parseDefinition } from '../../definition/parse-definition.js';
import { toTaskGraph } from '../../definition/task-graph.js';

/** Small enough that a page is many chunks. */
const CHUNK_BYTES = 64 * 1024;

interface Execution {
  key: string;
  submission: Submission;
  facts: PresentExecution;
}

/**
 * An engine in the memory of a test, for tests of the API: it does what the test says and nothing by itself. A native
 * definition names its tasks, one a line; a line `!code message` makes it invalid.
 */
export class MemoryEngine {
  readonly executions = new Map<string, Execution>();
  /** Logs by task and attempt: text so far, whether more may come, and at which byte of a page reading fails. */
  readonly logs = new Map<string, { text: string; open: boolean; breaksAt?: number }>();
  /** Pages that somebody has begun to read and not let go. */
  pagesOpen = 0;
  calls: string[] = [];
  /** Of the last call of a verb; validate, submit and logs alone are remembered. */
  readonly traceparents = new Map<string, string>();
  /** Every call fails with it, as long as it is set. */
  broken: EngineError | undefined;
  /** What people put there. */
  offers: EngineWorkflow[] = [];
  /** With `later`: whether the engine has taken definitions in. */
  registered = true;

  constructor(
    readonly name: string,
    readonly registers: 'at-once' | 'later' = 'at-once',
  ) {}

  /** The execution of a run, once it was submitted. */
  executionOf(runId: number): Execution | undefined {
    return [...this.executions.values()].find((one) => one.submission.runId === String(runId));
  }

  /** Says something about a run from now on. */
  say(runId: number, facts: Partial<PresentExecution>): void {
    const execution = this.executionOf(runId);
    if (!execution) throw new Error(`run ${runId} was not submitted`);
    execution.facts = { ...execution.facts, ...facts };
  }

  kind(): EngineKind {
    return { kind: this.name, create: () => Promise.resolve(this.adapter()) };
  }

  private adapter(): ReturnType<typeof defineAdapter> {
    const capabilities = {
      verbs: {
        ...NO_VERBS,
        retry: 'native',
        retryTask: 'native',
        pause: 'native',
        resume: 'native',
        discover: 'native',
      },
      registers: this.registers,
      dedupeHorizonMs: 86_400_000,
      retryKind: 'in-place',
      formats: ['native', 'reference', 'signalbox/v1'],
      pageSize: 100,
    } as const satisfies Capabilities;
    return defineAdapter(this.name, capabilities, {
      ping: () => this.answer('ping', () => ({ version: '1' })),
      sentinel: () => this.answer('sentinel', () => ({ state: 'present' as const, epoch: 'one' })),
      validate: (definition, ctx) => this.answer('validate', () => read(definition.format, definition.text), ctx),
      register: () =>
        this.answer('register', () => ({ state: this.registered ? ('READY' as const) : ('PENDING' as const) })),
      retire: () => this.answer('retire', () => undefined),
      describe: ({ definition }) =>
        this.answer('describe', () => read(definition.format, definition.text).graph ?? { tasks: [] }),
      submit: (submission, ctx) => this.answer('submit', () => this.submit(submission), ctx),
      find: (ref) =>
        this.answer('find', () => {
          const found = this.executions.get(ref.key);
          return found
            ? { outcome: 'found' as const, externalId: found.facts.externalId }
            : { outcome: 'absent' as const };
        }),
      observe: (ref) => this.answer('observe', () => whole(this.observe(ref.key))),
      observeMany: (refs) => this.answer('observeMany', () => refs.map((ref) => this.observe(ref.key))),
      cancel: (ref) =>
        this.answer('cancel', () => {
          const found = this.executions.get(ref.key);
          if (!found) return { outcome: 'absent' as const };
          found.facts = { ...found.facts, phase: 'cancelled', stopEvidence: true, finishedAt: new Date() };
          return { outcome: 'requested' as const };
        }),
      logs: (request, ctx) => this.answer('logs', () => this.log(request.task, request.attempt, request), ctx),
      retry: (ref) => this.answer('retry', () => this.retry(ref.key)),
      retryTask: (ref) => this.answer('retryTask', () => this.retry(ref.key)),
      pause: (ref) => this.answer('pause', () => this.move(ref.key, { phase: 'paused' })),
      resume: (ref) => this.answer('resume', () => this.move(ref.key, { phase: 'running' })),
      discover: ({ reference }) =>
        this.answer('discover', () => ({
          workflows: this.offers.filter((one) => reference === undefined || one.reference === reference),
        })),
      close: () => Promise.resolve(),
    });
  }

  private async answer<T>(verb: string, work: () => T, ctx?: CallContext): Promise<T> {
    this.calls.push(verb);
    if (ctx) this.traceparents.set(verb, ctx.traceparent);
    await Promise.resolve();
    if (this.broken) throw this.broken;
    return work();
  }

  private submit(submission: Submission): { outcome: 'accepted'; externalId: string } {
    const { key } = submission.ref;
    const externalId = `memory-${key}`;
    const facts: PresentExecution = {
      presence: 'present',
      key,
      externalId,
      phase: 'scheduled',
      engineState: 'scheduled',
      stopEvidence: false,
      baseline: '1',
      liveTasks: 0,
    };
    if (!this.executions.has(key)) this.executions.set(key, { key, submission, facts });
    return { outcome: 'accepted', externalId };
  }

  private observe(key: string): Observation {
    return this.executions.get(key)?.facts ?? { presence: 'absent', key };
  }

  private retry(key: string): { outcome: 'accepted' } {
    const found = this.executions.get(key);
    if (!found) throw new EngineError('not-found', 'no such execution');
    const { finishedAt: _, failure: __, ...rest } = found.facts;
    found.facts = { ...rest, phase: 'running', baseline: `${Number(rest.baseline) + 1}` };
    return { outcome: 'accepted' };
  }

  private move(key: string, facts: Partial<PresentExecution>): void {
    const found = this.executions.get(key);
    if (found) found.facts = { ...found.facts, ...facts };
  }

  private log(task: string, attempt: number, request: { cursor?: string; limitBytes: number }): LogPage {
    const log = this.logs.get(`${task}/${attempt}`);
    if (!log) return { source: 'none', chunks: this.lend(Buffer.alloc(0)), end: true, reason: 'deleted by retention' };
    const from = Number(request.cursor ?? 0);
    if (Number.isNaN(from)) throw new EngineError('rejected', 'The cursor is none of this log.');
    const all = Buffer.from(log.text);
    const page = all.subarray(from, from + request.limitBytes);
    const end = !log.open && from + page.length >= all.length;
    return {
      source: 'live',
      chunks: this.lend(page, log.breaksAt),
      ...(end ? {} : { nextCursor: String(from + page.length) }),
      end,
    };
  }

  /** As hard as the rule of `LogPage.chunks` allows: what was lent is overwritten as soon as the next chunk is asked for. */
  private async *lend(page: Buffer, breaksAt = Infinity): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    this.pagesOpen += 1;
    try {
      for (let at = 0; at < page.length; at += buffer.length) {
        if (at >= breaksAt) throw new EngineError('unknown', 'the log broke off');
        await Promise.resolve();
        yield buffer.subarray(0, page.copy(buffer, 0, at));
        buffer.fill('#');
      }
    } finally {
      this.pagesOpen -= 1;
    }
  }
}

/** A finished task run, as an engine tells it. */
export function taskFacts(task: string, facts: Partial<TaskRunFacts> = {}): TaskRunFacts {
  const times = { startedAt: new Date('2026-01-01T00:00:00Z'), finishedAt: new Date('2026-01-01T00:00:01Z') };
  return {
    task,
    state: 'COMPLETED',
    attempt: 1,
    ...times,
    attempts: [{ attempt: 1, state: 'COMPLETED', exitCode: 0, ...times }],
    ...facts,
  };
}

/** Where one execution is read, its task runs are: none, if the test named none. */
function whole(observation: Observation): Observation {
  return observation.presence === 'present' ? { taskRuns: [], ...observation } : observation;
}

function read(format: string, text: string): { diagnostics: Diagnostic[]; graph?: TaskGraph } {
  if (format === 'signalbox/v1') {
    const parsed = parseDefinition(text);
    return parsed.ok ? { diagnostics: [], graph: toTaskGraph(parsed.definition) } : { diagnostics: parsed.diagnostics };
  }
  const lines = text.split('\n').filter((line) => line !== '');
  const diagnostics = lines.flatMap((line, index): Diagnostic[] => {
    const [, code, message] = /^!(\S+) (.*)$/.exec(line) ?? [];
    return code === undefined
      ? []
      : [{ severity: 'error', code, message: message ?? '', pointer: '', line: index + 1 }];
  });
  if (diagnostics.length > 0) return { diagnostics };
  return {
    diagnostics: [],
    graph: { tasks: lines.map((title, index) => ({ title, downstream: lines.slice(index + 1, index + 2) })) },
  };
}
