import type { Definition, Diagnostic, Json, TaskDefinition } from './definition-types.js';
import { fieldName, fromPointer, toPointer } from './json-pointer.js';

/** Everything a definition can ask of an engine, by the names of the language. */
export const CONSTRUCTS = [
  'params',
  'run',
  'command',
  'args',
  'python',
  'node',
  'image',
  'workflow',
  'wait',
  'needs',
  'references',
  'infer',
  'with',
  'inputs',
  'outputs',
  'artifacts',
  'handlers',
  'retry',
  'timeout',
  'runTimeout',
  'maxParallel',
  'allowFailure',
  'skipExitCode',
  'when',
  'trigger',
  'foreach',
  'failFast',
  'env',
  'secrets',
  'resources',
  'placement',
  'schedules',
  'cache',
  'dependencies',
  'finally',
  'runOutputs',
  'concurrency',
  'targets',
] as const;
export type Construct = (typeof CONSTRUCTS)[number];

/** What an engine does with constructs; what is in neither set, it refuses. */
export interface SupportedConstructs {
  executes: ReadonlySet<Construct>;
  ignores: ReadonlySet<Construct>;
  /** What to do instead of what is refused, as the end of a sentence. */
  instead?: Readonly<Partial<Record<Construct, string>>>;
}

export interface UsedConstruct {
  construct: Construct;
  /** Where the definition as written uses it. */
  pointer: string;
}

/** Every construct a definition uses, at its first place in each task. */
export function usedConstructs(definition: Definition): UsedConstruct[] {
  const used: UsedConstruct[] = [];
  const add = (construct: Construct, isUsed: boolean, ...path: string[]): void => {
    if (isUsed) used.push({ construct, pointer: toPointer(path) });
  };
  const { other } = definition;
  add('params', notEmpty(definition.params), 'params');
  add('runTimeout', definition.timeoutMs !== undefined, 'timeout');
  add('maxParallel', definition.maxParallel !== undefined, 'maxParallel');
  add('runOutputs', notEmpty(definition.outputs), 'outputs');
  for (const key of ['schedules', 'finally', 'concurrency', 'targets', 'dependencies'] as const) {
    add(key, notEmpty(other[key]), key);
  }
  for (const key of ['image', 'resources', 'placement', 'cache'] as const) {
    add(key, notEmpty(recordOf(other.defaults)[key]), 'defaults', key);
  }
  for (const task of definition.tasks) addTask(task, add);
  return used;
}

/**
 * What an engine cannot do for a definition: an error for each use of a construct it refuses, a warning for each it
 * ignores. A `command` with an `image` counts as both `command` and `image`.
 */
export function unsupported(definition: Definition, supported: SupportedConstructs): Diagnostic[] {
  return usedConstructs(definition).flatMap(({ construct, pointer }): Diagnostic[] => {
    if (supported.executes.has(construct)) return [];
    const field = fieldName(fromPointer(pointer));
    if (supported.ignores.has(construct)) {
      const message = `${field} has no effect: this engine does not use "${construct}".`;
      return [{ severity: 'warning', code: 'construct-ignored', message, pointer }];
    }
    const instead = supported.instead?.[construct];
    const advice = instead === undefined ? '' : ` Instead: ${instead}.`;
    const message = `${field} is refused: this engine does not execute "${construct}".${advice}`;
    return [{ severity: 'error', code: 'construct-unsupported', message, pointer }];
  });
}

function addTask(task: TaskDefinition, add: (construct: Construct, isUsed: boolean, ...path: string[]) => void): void {
  const { id, other } = task;
  const at = ['tasks', id];
  const kind = task.kind === 'container' ? 'command' : task.kind;
  add(kind, true, ...at, kind);
  add('args', task.args.length > 0, ...at, 'args');
  add('needs', task.needs.length > 0, ...at);
  add('when', task.when !== undefined, ...at, 'when');
  add('trigger', task.trigger !== 'all-succeeded', ...at, 'trigger');
  add('foreach', task.foreach !== undefined, ...at, 'foreach');
  add('failFast', task.foreach?.failFast === true, ...at, 'foreach', 'failFast');
  add('env', notEmpty(task.env), ...at, 'env');
  add('retry', task.retry.max > 0, ...at, 'retry');
  add('timeout', task.timeoutMs !== undefined, ...at, 'timeout');
  add('allowFailure', task.allowFailure, ...at, 'allowFailure');
  add('skipExitCode', task.skipExitCode !== undefined, ...at, 'skipExitCode');
  add('references', holdsReference([task.command ?? [], task.args, task.env, Object.values(other)]), ...at);
  const outputs = Object.entries(task.outputs);
  add('outputs', outputs.length > 0, ...at, 'outputs');
  for (const [name, output] of outputs) {
    add('artifacts', output.artifact !== undefined, ...at, 'outputs', name, 'artifact');
    // Values are JSON anyway.
    const other = output.handler !== undefined && output.handler !== 'json';
    add('handlers', other, ...at, 'outputs', name, 'handler');
  }
  add('infer', other.infer === true, ...at, 'infer');
  for (const key of [
    'image',
    'with',
    'inputs',
    'secrets',
    'resources',
    'placement',
    'cache',
    'dependencies',
  ] as const) {
    add(key, notEmpty(other[key]), ...at, key);
  }
}

function holdsReference(value: Json): boolean {
  return JSON.stringify(value).includes('${{');
}

/** False, empty lists and empty maps ask for nothing. */
function notEmpty(value: Json | Readonly<Record<string, unknown>> | undefined): boolean {
  if (value === undefined || value === null || value === false) return false;
  return typeof value === 'object' ? Object.keys(value).length > 0 : true;
}

function recordOf(value: Json | undefined): Record<string, Json> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}
