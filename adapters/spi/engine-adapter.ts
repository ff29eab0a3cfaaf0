/**
 * The interface every workflow engine is reached by. `adapters/README.md` tells how to write one; `adapters/conformance`
 * holds every implementer to it. Adapters are thin: deadlines, retries, rate limits, breakers and metrics are the gateway's.
 */
import type { Diagnostic, Json } from '../../definition/definition-types.js';
import type { BornPage, BornRequest } from './born.js';
import type { DiscoverRequest, DiscoveredPage } from './discovery.js';
import type { ExecutionRef, Observation, TaskGraph } from './facts.js';

/** What a call is given. An adapter stops at `signal` and throws `EngineError('timeout')`. */
export interface CallContext {
  signal: AbortSignal;
  /** Milliseconds left when the call began. */
  timeoutMs: number;
  /** W3C trace context to hand to the engine. */
  traceparent: string;
}

export const DEFINITION_FORMATS = ['native', 'reference', 'signalbox/v1'] as const;
export type DefinitionFormat = (typeof DEFINITION_FORMATS)[number];

export interface DefinitionText {
  format: DefinitionFormat;
  text: string;
}

/** One immutable version of a workflow. */
export interface WorkflowVersion {
  id: string;
  project: string;
  title: string;
  version: number;
  definition: DefinitionText;
  /** sha256 of format and text, hex. */
  digest: string;
}

/** `graph` is there for engines that register at once, and then whole. */
export interface Validation {
  diagnostics: Diagnostic[];
  graph?: TaskGraph;
}

export type Registration =
  | { state: 'READY' }
  | { state: 'PENDING'; diagnostics?: Diagnostic[] }
  | { state: 'FAILED'; diagnostics: Diagnostic[] };

/** What we write into the engine beside the execution; all of it must match before a conflict is ours. */
export interface Marker {
  installationId: string;
  key: string;
  /** sha256 over definition digest and parameters, hex. */
  contentDigest: string;
}

export interface Submission {
  ref: ExecutionRef;
  marker: Marker;
  workflow: WorkflowVersion;
  /** Effective values, validated, typed. */
  parameters: Record<string, Json>;
  labels: { key: string; value: string }[];
  runId: string;
}

export interface KnownExecution {
  externalId: string;
  engineUid?: string;
  engineUrl?: string;
}

/** A definite refusal is `EngineError('rejected')`; an outcome nobody knows is `timeout` or `unknown`. */
export type SubmitOutcome =
  | ({ outcome: 'accepted' } & KnownExecution)
  /** The key exists on the engine with another marker or content. */
  | { outcome: 'conflict'; message: string };

export type FindOutcome =
  | ({ outcome: 'found' } & KnownExecution)
  /** A positive not-found. */
  | { outcome: 'absent' }
  | { outcome: 'conflict'; message: string };

export interface EnginePing {
  version: string;
  /** A sentence for people, e.g. scheduler heartbeat age. */
  detail?: string;
}

/** `epoch` changes when the engine lost or exchanged its memory; `missing` = positively not there although we wrote it. */
export type Sentinel = { state: 'present'; epoch: string } | { state: 'missing' };

export type CancelMode = 'graceful' | 'force';
/** `already-final`: the execution had ended before the call, nothing was sent. */
export type CancelOutcome = { outcome: 'requested' } | { outcome: 'already-final' } | { outcome: 'absent' };

/** `active-again`: somebody restarted it already, nothing was sent. */
export type RetryOutcome =
  | ({ outcome: 'accepted' } & Partial<KnownExecution>)
  | { outcome: 'active-again' }
  | { outcome: 'nothing-to-retry'; message: string };

export interface LogRequest {
  ref: ExecutionRef;
  task: string;
  mapIndex?: number;
  attempt: number;
  /** Opaque, from an earlier page; absent = from the beginning. */
  cursor?: string;
  /** Bytes this page may hold at most. */
  limitBytes: number;
}

export interface LogPage {
  source: 'live' | 'archived' | 'none';
  /**
   * The page's bytes, UTF-8 lines; streamed, never held whole. A chunk is lent: its bytes hold until the next one is asked
   * for, so that an adapter may fill one buffer again and again. Whoever keeps a chunk copies it.
   */
  chunks: AsyncIterable<Uint8Array>;
  /** Where the next page starts, in at most 500 visible characters of ASCII; absent = nothing more, now or ever. */
  nextCursor?: string;
  /** The attempt has ended and this page reaches its last line. */
  end: boolean;
  /** With source `none`: why, e.g. "deleted by retention". */
  reason?: string;
}

export interface ListRequest {
  /** Executions the engine made before it are left out. Of the engine's own clock: only what it told us comes back to it. */
  since: Date;
  /** Opaque, from an earlier page; absent = from `since` on. */
  cursor?: string;
}

/** An execution under a key of Signalbox, as a list of the engine shows it. */
export interface ListedExecution {
  key: string;
  externalId: string;
  /** Of its marker: another installation's executions are none of ours. */
  installationId: string;
  /** The engine's own word. */
  engineState: string;
  /** By the engine's clock. */
  createdAt: Date;
}

export interface ExecutionPage {
  /** Oldest first. */
  executions: ListedExecution[];
  /** All that was made before it is known by this page; needed where a page may hold others' executions, which are left out. */
  readUntil?: Date;
  /** Where the next page starts; absent = this was the last one. */
  nextCursor?: string;
}

/** Verbs every engine has. */
export interface CoreVerbs {
  ping(ctx: CallContext): Promise<EnginePing>;
  /** Every diagnostic at once; never executes or templates user text. */
  validate(definition: DefinitionText, ctx: CallContext): Promise<Validation>;
  /** Repeatable. */
  register(workflow: WorkflowVersion, ctx: CallContext): Promise<Registration>;
  retire(workflow: WorkflowVersion, ctx: CallContext): Promise<void>;
  /** The whole graph, once READY; never a part. */
  describe(workflow: WorkflowVersion, ctx: CallContext): Promise<TaskGraph>;
  /** Idempotent on `marker.key`. */
  submit(submission: Submission, ctx: CallContext): Promise<SubmitOutcome>;
  find(ref: ExecutionRef, marker: Marker, ctx: CallContext): Promise<FindOutcome>;
  /** The whole execution with its task runs. */
  observe(ref: ExecutionRef, ctx: CallContext): Promise<Observation>;
  /** Facts of runs in ceil(n / page) calls; one observation per ref, `unread` where the list lacks it. */
  observeMany(refs: ExecutionRef[], ctx: CallContext): Promise<Observation[]>;
  sentinel(ctx: CallContext): Promise<Sentinel>;
  cancel(ref: ExecutionRef, mode: CancelMode, ctx: CallContext): Promise<CancelOutcome>;
  logs(request: LogRequest, ctx: CallContext): Promise<LogPage>;
  /** Releases sockets and timers; the engine itself goes on. */
  close(): Promise<void>;
}

/** Verbs an engine may lack. To declare one is to write it: see `defineAdapter`. */
export interface OptionalVerbs {
  /** Restarts the failed part of an execution that has ended. Observes first; the verb must change the baseline. */
  retry(ref: ExecutionRef, baseline: string, ctx: CallContext): Promise<RetryOutcome>;
  retryTask(
    ref: ExecutionRef,
    task: { task: string; mapIndex?: number },
    baseline: string,
    ctx: CallContext,
  ): Promise<RetryOutcome>;
  cancelTask(ref: ExecutionRef, task: { task: string; mapIndex?: number }, ctx: CallContext): Promise<CancelOutcome>;
  pause(ref: ExecutionRef, ctx: CallContext): Promise<void>;
  resume(ref: ExecutionRef, ctx: CallContext): Promise<void>;
  /** Executions that bear a key of Signalbox, whoever knows them: what has no row is found by it. */
  list(request: ListRequest, ctx: CallContext): Promise<ExecutionPage>;
  /** Keys whose execution may have changed, pushed as they happen. A hint may be lost: it only makes a look-up sooner. */
  hints(listener: (key: string) => void): () => void;
  /**
   * Removes what the engine keeps of executions that have ended, logs too. Repeatable: one that is not there is no error. One
   * that has not ended is left as it is.
   */
  forget(refs: ExecutionRef[], ctx: CallContext): Promise<void>;
  /** Workflows the engine has and no Signalbox put there, to be registered by reference. Changes nothing. */
  discover(request: DiscoverRequest, ctx: CallContext): Promise<DiscoveredPage>;
  /** Executions that no Signalbox started: those that are active, and those that ended lately. Changes nothing. */
  listBorn(request: BornRequest, ctx: CallContext): Promise<BornPage>;
}

export const OPTIONAL_VERBS = [
  'retry',
  'retryTask',
  'cancelTask',
  'pause',
  'resume',
  'list',
  'hints',
  'forget',
  'discover',
  'listBorn',
] as const satisfies readonly (keyof OptionalVerbs)[];
export type OptionalVerb = (typeof OPTIONAL_VERBS)[number];

export type Support = 'native' | 'emulated' | 'none';
export type VerbSupport = Record<OptionalVerb, Support>;

/** Of an engine that has none of them: what others are written upon. */
export const NO_VERBS = Object.freeze(Object.fromEntries(OPTIONAL_VERBS.map((verb) => [verb, 'none']))) as Readonly<
  Record<OptionalVerb, 'none'>
>;

export interface Capabilities<V extends VerbSupport = VerbSupport> {
  verbs: V;
  /** `at-once`: validate is registration, READY in the same transaction. */
  registers: 'at-once' | 'later';
  /** How long the engine refuses a second execution under the same key, in milliseconds; 0 = it does not. */
  dedupeHorizonMs: number;
  retryKind: 'in-place' | 'new-execution' | 'none';
  formats: readonly DefinitionFormat[];
  /** Executions one `observeMany` reads in one engine call. */
  pageSize: number;
  /** Calls of one process that the engine can do with at the same time; absent = as many as the operator allows. */
  callsAtOnce?: number;
}

export type EngineAdapter = CoreVerbs &
  Partial<OptionalVerbs> & { readonly kind: string; readonly capabilities: Capabilities };

type Written<V extends VerbSupport> = { [K in OptionalVerb as V[K] extends 'none' ? never : K]: OptionalVerbs[K] };

/** Checks at compile time that declared capabilities and written verbs are the same set. */
export function defineAdapter<const V extends VerbSupport>(
  kind: string,
  capabilities: Capabilities<V>,
  verbs: CoreVerbs & Written<V>,
): EngineAdapter {
  return Object.assign(Object.create(null) as object, verbs, { kind, capabilities });
}

export function submitGuarantee(capabilities: Capabilities): 'exactly_once' | 'at_most_once' {
  return capabilities.dedupeHorizonMs > 0 ? 'exactly_once' : 'at_most_once';
}
