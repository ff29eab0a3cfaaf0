import type {
  CallContext,
  CoreVerbs,
  EngineAdapter,
  OptionalVerb,
  Submission,
  WorkflowVersion,
} from '../spi/engine-adapter.js';
import type { ExecutionRef, PresentExecution } from '../spi/facts.js';
import type { Json } from '../../definition/definition-types.js';
import type { FixtureName } from './fixtures.js';
import type { Harness, Wire } from './harness.js';

/** What every case is given. */
export interface World {
  adapter: EngineAdapter;
  harness: Harness;
  /** A context that ends after `timeoutMs`; 10 s unless told. */
  ctx(timeoutMs?: number): CallContext;
  /** The fixture, registered and READY. The same title and version give the same workflow. */
  workflow(fixture: FixtureName, title?: string, version?: number): Promise<WorkflowVersion>;
  /** What a submit is given, under a key that nobody used before. */
  submission(workflow: WorkflowVersion, parameters?: Record<string, Json>): Submission;
  /** Submits a fixture and expects it to be accepted. */
  start(fixture: FixtureName, parameters?: Record<string, Json>): Promise<StartedRun>;
  /** Observes until the facts satisfy `reached`; fails with `what` and the last facts after the harness's patience. */
  until(ref: ExecutionRef, what: string, reached: (facts: PresentExecution) => boolean): Promise<PresentExecution>;
  /** `until` the run has ended and no task is open. */
  ended(ref: ExecutionRef): Promise<PresentExecution>;
}

export interface WireWorld extends World {
  wire: Wire;
}

export interface StartedRun {
  ref: ExecutionRef;
  submission: Submission;
  workflow: WorkflowVersion;
}

/** What a case needs beyond `connect`; an engine for which it is impossible is excused with the harness's reason. */
export type Need = 'wire' | 'restart' | 'wipe' | 'forget' | 'people';

export type ConformanceCase = { name: string } & (
  | { wire: true; needs?: readonly Need[]; run(world: WireWorld): Promise<void> }
  | { wire?: never; needs?: readonly Need[]; run(world: World): Promise<void> }
);

/** At least one. */
export type Cases = readonly [ConformanceCase, ...ConformanceCase[]];

/** A verb of the interface without cases does not compile. */
export type CaseBook = Record<keyof CoreVerbs | OptionalVerb, Cases>;
