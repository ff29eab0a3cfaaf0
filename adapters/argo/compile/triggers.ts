/** When a task starts, in Argo's words: `depends` is looked at once all that it names have ended, `when` after it. */
import { parseWhen } from '../../../definition/when-expression.js';
import type { Definition, TaskDefinition } from '../../../definition/definition-types.js';
import { gateName, taskName } from './argo-names.js';
import { compileWhen } from './compile-when.js';
import { Variables, tag } from './expression.js';
import { valuesOfTasks } from './task-values.js';

/** What is neither true nor false; Argo ends the node with an error that quotes it. */
export const WHEN_FAILED = 'signalbox_when_failed';

const ENDED = ['Succeeded', 'Failed', 'Errored', 'Skipped', 'Omitted'];

export interface Start {
  depends?: string;
  when?: string;
}

export function startOf(task: TaskDefinition, definition: Definition): Start {
  const needs = task.needs.flatMap((id) => definition.tasks.filter((other) => other.id === id));
  const variables = new Variables();
  const conditions: string[] = [];
  let depends: string | undefined;
  if (needs.every((need) => need.foreach === undefined && need.skipExitCode === undefined)) {
    depends = dependsOf(task, needs);
  } else {
    // Whether they count as skipped stands in their outputs, which only an expression sees.
    depends = needs.map(hasEnded).join(' && ');
    const states = needs.map(({ id }) => valuesOfTasks(definition, variables)({ kind: 'state', task: id }));
    const condition = conditionOf(task.trigger, states);
    if (condition !== undefined) conditions.push(condition);
  }
  if (task.when !== undefined) conditions.push(whenOf(task.when, definition, variables));
  const [first, second] = conditions;
  return {
    ...(needs.length === 0 ? {} : { depends }),
    ...(first === undefined
      ? {}
      : { when: tag(second === undefined ? first : `${first} == 'true' ? ${second} : 'false'`) }),
  };
}

function dependsOf({ trigger }: TaskDefinition, needs: TaskDefinition[]): string {
  const names = needs.map(({ id }) => taskName(id));
  switch (trigger) {
    case 'all-succeeded':
      return names.map((name) => `${name}.Succeeded`).join(' && ');
    case 'any-succeeded':
      return names.map((name) => `${name}.Succeeded`).join(' || ');
    case 'any-failed':
      return names.map((name) => `${name}.Failed || ${name}.Errored`).join(' || ');
    case 'all-done':
      return needs.map(hasEnded).join(' && ');
  }
}

export function hasEnded(task: TaskDefinition): string {
  return [...(task.foreach ? [gateName(task.id)] : []), taskName(task.id)]
    .map((name) => `(${ENDED.map((end) => `${name}.${end}`).join(' || ')})`)
    .join(' && ');
}

/** `'true'` or `'false'`. */
function conditionOf(trigger: TaskDefinition['trigger'], states: string[]): string | undefined {
  const some = (state: string): string => states.map((one) => `${one} == '${state}'`).join(' || ');
  switch (trigger) {
    case 'all-succeeded':
      return `(${states.map((one) => `${one} == 'COMPLETED'`).join(' && ')} ? 'true' : 'false')`;
    case 'any-succeeded':
      return `(${some('COMPLETED')} ? 'true' : 'false')`;
    case 'any-failed':
      return `(${some('FAILED')} ? 'true' : 'false')`;
    case 'all-done':
      return undefined;
  }
}

function whenOf(text: string, definition: Definition, variables: Variables): string {
  const { ast } = parseWhen(text);
  if (!ast) throw new Error('a condition that cannot be read');
  const answer = compileWhen(ast, { valueOf: valuesOfTasks(definition, variables), variables });
  const name = variables.next();
  return `(let ${name} = ${answer}; len(${name}) > 0 ? string(${name}[0]) : '${WHEN_FAILED}')`;
}
