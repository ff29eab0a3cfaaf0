/** What the client reads of the API's answers (openapi/openapi.json); members it only passes on are left out. */

export interface Label {
  key: string;
  value: string;
}

export interface LabelUse extends Label {
  workflows: number;
  workflow_runs: number;
}

export interface Page<Item> {
  items: Item[];
  next_cursor?: string;
}

export interface WorkflowParameter {
  task_title?: string;
  env_variable_name: string;
  ui_form: { type: string; multiselectable?: boolean; options?: unknown[]; required?: boolean; default?: unknown };
}

export interface Diagnostic {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  pointer: string;
  line?: number;
  column?: number;
}

export interface Workflow {
  id: number;
  title: string;
  display_name?: string;
  version: number;
  workflow_engine: string;
  definition_format: string;
  definition: string;
  definition_digest: string;
  workflow_parameters: WorkflowParameter[];
  labels: Label[];
  registration: { state: string; diagnostics: Diagnostic[] };
  created_at: string;
  archived_at?: string;
}

export interface Failure {
  class: string;
  code: string;
  message: string;
  task_title?: string;
}

export interface LifecycleAction {
  action: string;
  available: boolean;
  reason?: string;
}

export interface TaskAttempt {
  attempt: number;
  state: string;
  started_at?: string;
  finished_at?: string;
  exit_code?: number;
  failure?: Failure;
}

export interface TaskRun {
  id: number;
  task_id: number;
  task_title: string;
  workflow_run_id: number;
  map_index?: number;
  state: string;
  state_reason?: string;
  attempt: number;
  outputs?: Record<string, unknown>;
  failure?: Failure;
  started_at?: string;
  finished_at?: string;
  attempts?: TaskAttempt[];
}

export interface WorkflowRun {
  id: number;
  workflow: { id: number; title: string; version: number };
  workflow_engine: string;
  state: string;
  state_reason?: string;
  failure?: Failure;
  labels: Label[];
  parameters: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  external_id?: string;
  engine_url?: string;
  origin: string;
  generation: number;
  allowed_actions: LifecycleAction[];
  created_at: string;
  updated_at: string;
  started_at?: string;
  finished_at?: string;
  stale: boolean;
  stale_cause?: string;
  task_runs?: TaskRun[];
}

export interface Task {
  id: number;
  workflow_id: number;
  title: string;
  display_name?: string;
  type?: string;
  downstream_task_ids: number[];
  upstream_task_ids: number[];
}

export interface LifecycleEvent {
  seq: number;
  type: string;
  from?: string;
  to?: string;
  generation: number;
  source: string;
  actor?: string;
  reason?: string;
  at: string;
}

export interface Obstacle {
  code: string;
  message: string;
}

/** What an engine has. */
export interface EngineWorkflow {
  reference: string;
  name: string;
  description?: string;
  labels: Label[];
  paused: boolean;
  workflow?: { id: number; title: string; version: number };
  obstacle?: Obstacle;
}

export interface ImportItem {
  reference: string;
  outcome: 'IMPORTED' | 'UNCHANGED' | 'REFUSED';
  title?: string;
  workflow?: { id: number; title: string; version: number };
  obstacle?: Obstacle;
  notes: string[];
}

export interface Engine {
  name: string;
  kind: string;
  health: { state: string; checked_at?: string; version?: string; latency_ms?: number; detail?: string };
  submit_guarantee: string;
  adopts_runs: boolean;
  capabilities: Record<string, string>;
}

const FINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** Whether a run in this state has ended (a retry may still revive it). */
export function hasEnded(state: string): boolean {
  return FINAL.has(state);
}
