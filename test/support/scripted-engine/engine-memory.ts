/** What the scripted engine knows: definitions, executions, and the objects others left in it. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, setMaxListeners } from 'node:events';
import type { Json } from '../../../definition/definition-types.js';
import { advance, newExecution } from './execution.js';
import type { Conduct, Execution, SubmitBody } from './execution.js';
import { readScriptedWorkflow } from './scripted-workflow.js';
import type { ScriptedWorkflow } from './scripted-workflow.js';

export interface StoredDefinition {
  text: string;
  /** Milliseconds since the epoch at which the engine will have parsed it. */
  parsedAt: number;
  workflow?: ScriptedWorkflow;
  error?: string;
  /** Of one that people put there. */
  offer?: Offer;
}

/** What people wrote about a definition of theirs. */
export interface Offer {
  labels?: Record<string, string>;
  description?: string;
  paused?: boolean;
  parameters?: OfferedParameter[];
}

export interface OfferedParameter {
  name: string;
  schema: Record<string, Json>;
  default?: Json;
  required: boolean;
}

export class EngineMemory {
  /** The engine's own identity: another one after its memory was lost. */
  instanceId = randomUUID();
  readonly definitions = new Map<string, StoredDefinition>();
  readonly objects = new Map<string, string>();
  readonly conduct: Conduct = { stayQueued: false, ignoreGracefulStop: false, stopDelayMs: 0 };
  /** Whether a second execution under a known key is refused. */
  dedupe = true;
  /** `change` with the key, whenever something visible of an execution changed. */
  readonly changes = new EventEmitter();
  readonly #byKey = new Map<string, Execution[]>();
  readonly #forgotten = new Map<string, Execution[]>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #uidCount = 0;

  constructor() {
    setMaxListeners(100, this.changes);
  }

  define(name: string, text: string, now: number): StoredDefinition {
    const known = this.definitions.get(name);
    if (known?.text === text) return known;
    const stored: StoredDefinition = { text, parsedAt: now };
    try {
      stored.workflow = readScriptedWorkflow(text);
      stored.parsedAt = now + (stored.workflow.parse_ms ?? 0);
      if (stored.workflow.parse_error !== undefined) stored.error = stored.workflow.parse_error;
    } catch (error) {
      stored.error = (error as Error).message;
    }
    this.definitions.set(name, stored);
    return stored;
  }

  /** A second one under the same key only where `dedupe` is off. */
  create(body: SubmitBody, workflow: ScriptedWorkflow, traceparent: string | undefined): Execution {
    const execution = newExecution(`x-${++this.#uidCount}-${randomUUID()}`, body, workflow, Date.now());
    if (traceparent !== undefined) execution.traceparent = traceparent;
    this.#byKey.set(body.key, [...(this.#byKey.get(body.key) ?? []), execution]);
    this.touch(execution);
    return execution;
  }

  /** The oldest execution under the key, brought up to now. */
  byKey(key: string): Execution | undefined {
    const execution = this.#byKey.get(key)?.[0];
    if (execution) this.touch(execution);
    return execution;
  }

  all(): Execution[] {
    return [...this.#byKey.values()].flat();
  }

  /** Does what is due, tells the listeners, and comes back by itself when the next thing is due. */
  touch(execution: Execution, seenRevision = execution.revision): void {
    const now = Date.now();
    const due = advance(execution, this.conduct, now);
    clearTimeout(this.#timers.get(execution.uid));
    this.#timers.delete(execution.uid);
    if (due !== undefined) {
      const timer = setTimeout(() => this.touch(execution), Math.max(1, due - now));
      timer.unref();
      this.#timers.set(execution.uid, timer);
    }
    if (execution.revision !== seenRevision) this.changes.emit('change', execution.body.key);
  }

  /** Applies a change of control or of a caller, then lets the execution go on. */
  change(execution: Execution, work: (now: number) => void): void {
    const before = execution.revision;
    work(Date.now());
    execution.revision += 1;
    this.touch(execution, before);
  }

  forget(key: string): boolean {
    const executions = this.#byKey.get(key);
    if (!executions) return false;
    for (const execution of executions) this.#stopTimer(execution.uid);
    this.#forgotten.set(key, executions);
    return this.#byKey.delete(key);
  }

  /** What was forgotten is there again, as after a repair; `false` when nothing was. */
  remember(key: string): boolean {
    const executions = this.#forgotten.get(key);
    if (!executions) return false;
    this.#byKey.set(key, executions);
    for (const execution of executions) this.touch(execution);
    return this.#forgotten.delete(key);
  }

  /** Loses everything: executions, definitions, objects, and its identity. */
  wipe(): void {
    this.stopTimers();
    this.#byKey.clear();
    this.#forgotten.clear();
    this.definitions.clear();
    this.objects.clear();
    this.instanceId = randomUUID();
  }

  stopTimers(): void {
    for (const uid of [...this.#timers.keys()]) this.#stopTimer(uid);
  }

  #stopTimer(uid: string): void {
    clearTimeout(this.#timers.get(uid));
    this.#timers.delete(uid);
  }
}
