/** The normalised form of a `signalbox/v1` definition: what the parser hands on and every engine reads. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One thing said about a text. `pointer` is an RFC 6901 JSON pointer into it; `line` and `column` count from 1. */
export interface Diagnostic {
  severity: 'error' | 'warning';
  /** kebab-case, stable: programs act on it, people read `message`. */
  code: string;
  message: string;
  pointer: string;
  line?: number;
  column?: number;
}

export const VALUE_TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export const TRIGGERS = ['all-succeeded', 'all-done', 'any-succeeded', 'any-failed'] as const;
export type Trigger = (typeof TRIGGERS)[number];

export const TASK_KINDS = ['run', 'command', 'python', 'node', 'container', 'workflow', 'wait'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

export const RETRY_CAUSES = ['failure', 'timeout', 'infra'] as const;
export type RetryCause = (typeof RETRY_CAUSES)[number];

/** A parameter: a JSON Schema subset. Without `default` it is required. */
export interface ParamSchema {
  type: ValueType;
  title?: string;
  description?: string;
  default?: Json;
  [keyword: string]: Json | undefined;
}

/** `max` counts retries after the first attempt; times are milliseconds. */
export interface RetryPolicy {
  max: number;
  delayMs: number;
  backoff: number;
  maxDelayMs?: number;
  on: RetryCause[];
  /** When given, only these exit codes are retried among failures. */
  exitCodes?: number[];
}

export interface OutputDeclaration {
  /** Absent for an artifact. */
  type?: ValueType;
  artifact?: 'file' | 'dir';
  handler?: string;
  description?: string;
  default?: Json;
  [keyword: string]: Json | undefined;
}

export interface Foreach {
  /** A list (whose entries may hold references) or one reference to a list. */
  items: Json;
  maxParallel?: number;
  failFast?: boolean;
}

export interface TaskDefinition {
  id: string;
  title?: string;
  description?: string;
  kind: TaskKind;
  /** Explicit and implied by references, sorted, without duplicates. */
  needs: string[];
  trigger: Trigger;
  /** CEL text. */
  when?: string;
  foreach?: Foreach;
  /** Shell text, for kind `run`. Never holds a reference. */
  run?: string;
  /** argv, for kinds `command` and `container`. Entries may hold references. */
  command?: string[];
  args: string[];
  /** Workflow env, then defaults.env, then the task's own: already merged. Values may hold references. */
  env: Record<string, Json>;
  outputs: Record<string, OutputDeclaration>;
  retry: RetryPolicy;
  /** Of one attempt. */
  timeoutMs?: number;
  allowFailure: boolean;
  skipExitCode?: number;
  /** Constructs that only some engines execute, as written: python, node, with, image, resources, secrets, cache, ... */
  other: Record<string, Json>;
}

/** Tasks stand in topological order, ties by id, so equal definitions are equal texts. */
export interface Definition {
  apiVersion: 'signalbox/v1';
  name: string;
  title?: string;
  description?: string;
  labels: Record<string, string>;
  params: Record<string, ParamSchema>;
  /** Of the whole run. */
  timeoutMs?: number;
  /** Tasks at once in a run. */
  maxParallel?: number;
  tasks: TaskDefinition[];
  /** Values of the run, by reference. */
  outputs: Record<string, Json>;
  /** Whole-workflow constructs that only some engines execute, as written: schedules, finally, concurrency, targets, ... */
  other: Record<string, Json>;
}

/** `definition` is present exactly when no diagnostic is an error. `hash` is sha256 of the canonical normalised form. */
export type ParseResult =
  | { ok: true; definition: Definition; hash: string; diagnostics: Diagnostic[] }
  | { ok: false; diagnostics: Diagnostic[] };
