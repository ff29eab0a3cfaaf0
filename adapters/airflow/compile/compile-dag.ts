/** `signalbox/v1` to a DAG file: code that is the same for every workflow, and one JSON document that it reads. Pure. */
import type { Definition, Json, TaskDefinition } from '../../../definition/definition-types.js';
import type { Reference } from '../../../definition/references.js';
import { referencesIn } from '../../../definition/references.js';
import { parseWhen } from '../../../definition/when-expression.js';
import { DAG_ID_TOKEN } from '../dag-name.js';
import { compileCondition } from './compile-condition.js';
import { compileTemplate } from './compile-template.js';
import { END_TASK, collectTask, itemsTask } from './task-names.js';

type JsonObject = Record<string, Json>;

/**
 * The text of the file; the same for the same definition. The id of the DAG is the placeholder of native definitions.
 * `runtime` is the constant code.
 */
export function compileDag(definition: Definition, runtime: string): string {
  return [
    runtime.trimEnd(),
    '',
    '',
    '# --- The workflow.',
    `DAG_ID = "${DAG_ID_TOKEN}"`,
    "DOCUMENT = load_json(r'''",
    documentText(toDocument(definition)),
    "''')",
    '# A file that was not registered by Signalbox: the placeholder stands as it was compiled.',
    'if DAG_ID.startswith("SIGNALBOX_"):',
    '    DAG_ID = DOCUMENT["name"]',
    'dag = build_dag(DAG_ID, DOCUMENT)',
    '',
  ].join('\n');
}

/**
 * JSON of ASCII alone without apostrophes: nothing in it can end a raw literal of Python, and no placeholder is found in it.
 */
function documentText(document: JsonObject): string {
  const lines = Object.entries(document).map(([key, value]) => `${JSON.stringify(key)}: ${inLines(key, value)}`);
  return `{\n${lines.join(',\n')}\n}`
    .replaceAll(DAG_ID_TOKEN, DAG_ID_TOKEN.replaceAll('_', '\\u005f'))
    .replace(/['\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A line for each task: people compare these files. */
function inLines(key: string, value: Json): string {
  if (key !== 'tasks' || value === null || typeof value !== 'object' || Array.isArray(value))
    return JSON.stringify(value);
  const tasks = Object.entries(value).map(([id, task]) => `  ${JSON.stringify(id)}: ${JSON.stringify(task)}`);
  return `{\n${tasks.join(',\n')}\n}`;
}

function toDocument(definition: Definition): JsonObject {
  const { name, timeoutMs, maxParallel, params, outputs } = definition;
  const defaults = Object.entries(params).flatMap(([param, schema]) =>
    schema.default === undefined ? [] : [[param, schema.default] as const],
  );
  return {
    name,
    defaults: Object.fromEntries(defaults),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxParallel === undefined ? {} : { maxParallel }),
    end: END_TASK,
    tasks: Object.fromEntries(definition.tasks.map((task) => [task.id, toTask(task)])),
    outputs: compileTemplate(outputs),
    reads: tasksRead(referencesIn(outputs).map(({ reference }) => reference)),
  };
}

function toTask(task: TaskDefinition): JsonObject {
  const { foreach, retry, timeoutMs, skipExitCode } = task;
  const when = task.when === undefined ? undefined : parseWhen(task.when);
  const items = foreach?.items ?? null;
  const looksAt = referencesIn([task.command ?? [], task.args, task.env, items]).map(({ reference }) => reference);
  return {
    id: task.id,
    needs: task.needs,
    reads: tasksRead([...looksAt, ...(when?.references ?? [])]),
    trigger: task.trigger,
    ...(when?.ast === undefined ? {} : { when: compileCondition(when.ast) }),
    ...(foreach === undefined ? {} : { ...fanOut(items, foreach.maxParallel), ...namesAround(task.id) }),
    argv: argvOf(task),
    arguments: task.args.map(compileTemplate),
    env: Object.fromEntries(Object.entries(task.env).map(([name, value]) => [name, compileTemplate(value)])),
    outputs: task.outputs as JsonObject,
    retry: { ...retry },
    allowFailure: task.allowFailure,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(skipExitCode === undefined ? {} : { skipExitCode }),
  };
}

function fanOut(items: Json, maxParallel: number | undefined): JsonObject {
  return { foreach: { items: compileTemplate(items), ...(maxParallel === undefined ? {} : { maxParallel }) } };
}

function namesAround(task: string): JsonObject {
  return { items: itemsTask(task), collect: collectTask(task) };
}

/** The shell text of `run` is the author's, word for word. */
function argvOf(task: TaskDefinition): Json[] {
  if (task.kind === 'run') return ['/bin/sh', '-c', task.run ?? ''].map((text) => ['value', text]);
  return [...(task.command ?? []), ...task.args].map(compileTemplate);
}

/** Tasks whose outputs are looked at: only those are read from Airflow. */
function tasksRead(references: readonly Reference[]): string[] {
  const read = references.flatMap((one) => (one.kind === 'output' || one.kind === 'outputs' ? [one.task] : []));
  return [...new Set(read)].sort();
}
