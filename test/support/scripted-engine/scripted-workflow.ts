/** The language of the scripted engine: what one workflow does, told rather than computed. */
import type { Json } from '../../../definition/definition-types.js';

export interface ScriptedTask {
  id: string;
  needs?: string[];
  /** Milliseconds one attempt takes, 0 unless told; `hold` = until it is finished by control, or stopped. */
  duration_ms?: number | 'hold';
  /** The first n attempts fail, counted over the whole life of the task run. */
  failing_attempts?: number;
  exit_code?: number;
  /** Attempts the engine adds by itself after a failure, in each round. */
  retries?: number;
  /** Name of a parameter that holds a list: one task run per entry. */
  items?: string;
  outputs?: Record<string, ScriptedValue>;
  /** `{attempt}` and `{task}` are replaced. */
  log?: string[];
}

export type ScriptedValue = { value: Json } | { parameter: string } | { item: true };

export interface ScriptedWorkflow {
  tasks: ScriptedTask[];
  /** The task whose outputs are those of the run. */
  outputs_of?: string;
  /** Words shown for the run from so many milliseconds after its begin on, whatever its tasks do. */
  words?: { after_ms: number; word: string }[];
  /** Milliseconds until the engine has parsed this text; 0 unless told. */
  parse_ms?: number;
  /** The engine refuses this text when it has parsed it, with this message. */
  parse_error?: string;
}

/** What an empty definition does: a diamond that ends at once. */
export const DEFAULT_TASKS: ScriptedTask[] = [
  { id: 'top' },
  { id: 'left', needs: ['top'] },
  { id: 'right', needs: ['top'] },
  { id: 'bottom', needs: ['left', 'right'] },
];

/** Reads a definition text. An empty object is the default diamond. Throws `Error` with a sentence for people. */
export function readScriptedWorkflow(text: string): ScriptedWorkflow {
  const read = JSON.parse(text) as Partial<ScriptedWorkflow> | null;
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new Error('a workflow is an object');
  const tasks = read.tasks ?? DEFAULT_TASKS;
  const seen = new Set<string>();
  for (const task of tasks) {
    for (const need of task.needs ?? []) {
      if (!seen.has(need)) throw new Error(`task ${task.id} needs ${need}, which no task before it is called`);
    }
    if (seen.has(task.id)) throw new Error(`two tasks are called ${task.id}`);
    seen.add(task.id);
  }
  return { ...read, tasks };
}
