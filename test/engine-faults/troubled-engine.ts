/** What befalls a real engine: accidents, and people who work on it past Signalbox. */
import type { Arrangement } from '../../adapters/conformance/harness.js';
import type { RealEngine } from '../real-engines/real-engine.js';

/** `interface` is what Signalbox talks to, `scheduler` what starts tasks, `parser` what reads definitions. */
export type EnginePart = 'everything' | 'interface' | 'scheduler' | 'parser';

/** One execution as the engine knows it. */
export interface OnEngine {
  /** `external_id` of the run. */
  externalId: string;
  /** The id it was submitted under. */
  key: string;
}

export interface TroubledEngine {
  engine: RealEngine;
  /** Milliseconds within which a run of a few short tasks has ended. */
  patienceMs: number;
  /** Whether the first bytes of a request are those of a submit, or of the list in which a pass looks at many runs. */
  isSubmit(bytes: Buffer): boolean;
  isList(bytes: Buffer): boolean;
  /** The engine's own word for the state of an execution; undefined = it does not have it. */
  wordOf(execution: OnEngine): Promise<string | undefined>;
  /** Words that mean that nothing goes on any more. */
  endWords: readonly string[];

  /** As a crash would, until `revive`. */
  kill: Record<EnginePart, Arrangement<() => Promise<void>>>;
  /** Everything works again when this resolves. */
  revive(): Promise<void>;
  /** Keeps what the engine knows. */
  save(): Promise<void>;
  /** The engine knows what it knew when it was saved, as after a backup. */
  restore(): Promise<void>;

  /** The credentials of `options` are refused from some moment on. */
  refuseCredentials(): Promise<void>;
  acceptCredentials(): Promise<void>;

  /** Somebody makes a run under this key, of the same definition as `like`. */
  plant(key: string, like: OnEngine, by: 'another-installation' | 'this-installation'): Promise<void>;
  /** Somebody deletes the execution. */
  remove(execution: OnEngine): Promise<void>;
  /** Somebody has the engine do an ended run again. */
  runAgain(execution: OnEngine): Promise<void>;
  /** The process or pod of the running task ends from outside. `command` is the task's, and nobody else's. */
  killWork(execution: OnEngine, command: string): Promise<void>;
  /** Somebody stops all runs of the execution's definition, and lets them go on. */
  hold: Arrangement<(execution: OnEngine) => Promise<void>>;
  release(execution: OnEngine): Promise<void>;
  /** Somebody deletes the definition of the execution. */
  removeDefinition(execution: OnEngine): Promise<void>;
  /** A native definition that the engine takes and then cannot read; `says` stands in its complaint. */
  unreadable: Arrangement<{ text: string; says: string }>;
  close(): Promise<void>;
}
