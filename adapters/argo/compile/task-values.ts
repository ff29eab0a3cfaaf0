/**
 * What references of a definition stand for, as expressions over what Argo knows of a run: the arguments of the workflow, ends
 * and output parameters of tasks. Each has a value, whatever became of the tasks: what is absent is nil.
 */
import { assertNever } from '../../../definition/assert-never.js';
import type { Definition, Json, TaskDefinition } from '../../../definition/definition-types.js';
import type { Reference } from '../../../definition/references.js';
import { parseReferences } from '../../../definition/references.js';
import { ENDING, INDEX, RUN_ID, gateName, paramArgument, taskName } from './argo-names.js';
import type { Variables } from './expression.js';
import { jsonLiteral, textLiteral, toText } from './expression.js';

/** Makes the expression of one reference. */
export type ValueOf = (reference: Reference) => string;

/** Items of one fan-out, as on every engine. */
export const MAX_ITEMS = 10_000;

export function paramValue(name: string): string {
  return `fromJSON(${paramJson(name)})`;
}

/** As it was submitted: compact JSON. */
export function paramJson(name: string): string {
  return `fromBase64(workflow.parameters['${paramArgument(name)}'])`;
}

export function runIdValue(): string {
  return `fromBase64(workflow.parameters['${RUN_ID}'])`;
}

/** References in the place where Argo decides about tasks: it knows all that are upstream of it. */
export function valuesOfTasks(definition: Definition, variables: Variables): ValueOf {
  const tasks = new Map(definition.tasks.map((task) => [task.id, task]));
  const taskOf = (id: string): TaskDefinition => {
    const task = tasks.get(id);
    if (!task) throw new Error(`there is no task ${id}`);
    return task;
  };
  const valueOf: ValueOf = (reference) => {
    switch (reference.kind) {
      case 'param':
        return paramValue(reference.name);
      case 'run-id':
        return runIdValue();
      case 'state':
        return stateOf(taskOf(reference.task));
      case 'output':
        return outputOf(taskOf(reference.task), reference.name);
      case 'outputs': {
        const task = taskOf(reference.task);
        const members = Object.keys(task.outputs).map((name) => `'${name}': ${outputOf(task, name)}`);
        const whole = members.length === 0 ? jsonLiteral({}) : `{ ${members.join(', ')} }`;
        return `(${hasOutputs(task)} ? ${whole} : ${jsonLiteral({})})`;
      }
      case 'item':
      case 'run-state':
        return 'nil';
      default:
        return assertNever(reference);
    }
  };

  /** COMPLETED, FAILED or SKIPPED; asked only once the task has ended. */
  const stateOf = (task: TaskDefinition): string => (task.foreach ? stateOfItems(task) : stateOfOne(task));

  const stateOfOne = (task: TaskDefinition): string => {
    const status = `tasks['${taskName(task.id)}'].status`;
    const ended = task.skipExitCode === undefined ? `'COMPLETED'` : `split(${parameter(task, ENDING)}, ' ')[0]`;
    return `(${status} == 'Succeeded' ? ${ended} : ${status} in ['Failed', 'Error'] ? 'FAILED' : 'SKIPPED')`;
  };

  const stateOfItems = (task: TaskDefinition): string => {
    const gate = `tasks['${gateName(task.id)}'].status`;
    // A fan-out that has items has no status of its own.
    const status = `tasks['${taskName(task.id)}']?.status`;
    const ends = variables.next();
    const ofItems =
      `(let ${ends} = ${listOf(task, ENDING)}; len(${ends}) < len(${itemsOf(task)}) ? 'FAILED' : ` +
      `all(${ends}, # startsWith 'SKIPPED') ? 'SKIPPED' : 'COMPLETED')`;
    return (
      `(${gate} in ['Failed', 'Error'] || ${status} == 'Error' ? 'FAILED' : ${gate} != 'Succeeded' ? 'SKIPPED' : ` +
      `${status} == 'Skipped' ? 'COMPLETED' : ${ofItems})`
    );
  };

  const hasOutputs = (task: TaskDefinition): string => {
    if (!task.foreach) return `${stateOf(task)} == 'COMPLETED'`;
    // Where only some items failed, the lists of the others are there.
    const expanded = `tasks['${gateName(task.id)}'].status == 'Succeeded' && tasks['${taskName(task.id)}']?.status != 'Error'`;
    return `(${expanded} && ${stateOf(task)} != 'SKIPPED')`;
  };

  const outputOf = (task: TaskDefinition, name: string): string => {
    const [text, position, texts, places] = [variables.next(), variables.next(), variables.next(), variables.next()];
    const one = (value: string): string => `${value} == '' ? nil : fromJSON(fromBase64(${value}))`;
    if (!task.foreach) {
      const given = `(${stateOf(task)} == 'COMPLETED' ? ${parameter(task, name)} : '')`;
      return `(let ${text} = ${given}; ${one(text)})`;
    }
    // Argo's lists hold what succeeded; what did not has its place in ours.
    const place = `findIndex(${places}, # == ${position})`;
    const found = variables.next();
    const all = variables.next();
    const entry = `(let ${position} = string(#); let ${found} = ${place}; ${found} == nil ? nil : (let ${text} = ${texts}[${found}]; ${one(text)}))`;
    const lists =
      `(let ${texts} = ${listOf(task, name)}; let ${places} = ${listOf(task, INDEX)}; let ${all} = ${itemsOf(task)}; ` +
      `len(${all}) == 0 ? [] : map(0..(len(${all}) - 1), ${entry}))`;
    return `(${hasOutputs(task)} ? ${lists} : nil)`;
  };

  /** One entry for each item that succeeded, in their order. */
  const listOf = (task: TaskDefinition, name: string): string => {
    const outputs = `tasks['${taskName(task.id)}']?.outputs?.parameters`;
    return `(type(${outputs}) == 'map' ? fromJSON(${parameter(task, name)}) : [])`;
  };

  const itemsOf = (task: TaskDefinition): string => resolved(task.foreach?.items ?? null, valueOf, variables);

  return valueOf;
}

function parameter({ id }: TaskDefinition, name: string): string {
  return `tasks['${taskName(id)}'].outputs.parameters['${name}']`;
}

/** A value with its references replaced, of its own type. */
export function resolved(value: Json, valueOf: ValueOf, variables: Variables): string {
  if (!JSON.stringify(value).includes('${{'))
    return typeof value === 'string' ? textLiteral(value) : jsonLiteral(value);
  if (Array.isArray(value)) return `[${value.map((entry) => resolved(entry, valueOf, variables)).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).map(([key, entry]) => {
      return `(${textLiteral(key)}): ${resolved(entry, valueOf, variables)}`;
    });
    return `{ ${members.join(', ')} }`;
  }
  return resolvedText(String(value), valueOf, variables);
}

function resolvedText(text: string, valueOf: ValueOf, variables: Variables): string {
  const { parts } = parseReferences(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'reference' in only) return valueOf(only.reference);
  const pieces = parts.map((part) =>
    'text' in part ? textLiteral(part.text) : toText(valueOf(part.reference), variables),
  );
  return `(${pieces.join(' + ')})`;
}
