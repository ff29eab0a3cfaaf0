/** Executions that began on the engine: somebody started them there, or the engine's own schedule did. */
import type { Json } from '../../definition/definition-types.js';
import type { ExecutionRef } from './facts.js';

export interface BornRequest {
  /** Texts of references: executions of other workflows are left out. */
  references: readonly string[];
  /** Of those that have ended, only what ended at that moment or later, by the engine's clock. */
  endedSince: Date;
  /** Opaque, from an earlier page; absent = from the beginning. */
  cursor?: string;
}

export interface BornExecution {
  /** Which of the references it is an execution of. */
  reference: string;
  externalId: string;
  engineUid?: string;
  engineUrl?: string;
  /** The engine's own word for its state. */
  engineState: string;
  /** Present when it has ended. */
  endedAt?: Date;
  /** What it was started with. */
  parameters: Record<string, Json>;
}

export interface BornPage {
  executions: BornExecution[];
  /** Where the next page starts; absent = this was the last one. */
  nextCursor?: string;
}

/** The key, in our record alone, of an execution that began on the engine; `token` is that of its run. */
export function bornKey(token: string): string {
  return `eb-${token}-g1`;
}

/** Whether the execution began on the engine: there it has no marker of ours, and its name is its `externalId`. */
export function isBorn({ key }: Pick<ExecutionRef, 'key'>): boolean {
  return key.startsWith('eb-');
}

/** What the engine calls the execution: our key, or the name it was given there. */
export function nameOnEngine(ref: Pick<ExecutionRef, 'key' | 'externalId'>): string {
  return isBorn(ref) && ref.externalId !== undefined ? ref.externalId : ref.key;
}
