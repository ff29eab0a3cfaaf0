/**
 * From a definition to a WorkflowTemplate. Pure: equal definitions are equal texts.
 *
 * Each task is a task of one DAG under a name that leads back to its id; a fan-out has a gate before it, and the run ends with
 * a verdict. Values travel as base64 from where they are made to the pod that uses them, since Argo replaces `{{...}}` in
 * whatever text it finds.
 */
import type { Definition, Json, TaskDefinition } from '../../../definition/definition-types.js';
import { HISTORY_PARAMETER, ROUND_PARAMETER } from '../attempt-history.js';
import {
  ITEM,
  PLAN,
  RUNNER,
  RUN_ID,
  TRACEPARENT,
  VERDICT,
  gateName,
  paramArgument,
  taskName,
  templateName,
} from './argo-names.js';
import { Variables, base64, tag, toJson } from './expression.js';
import { writePlan } from './plan.js';
import { inputsOf, podTemplate } from './pod-template.js';
import { runnerScript } from './runner.js';
import { MAX_ITEMS, resolved, valuesOfTasks } from './task-values.js';
import { hasEnded, startOf } from './triggers.js';

/** Argo quotes it in the message of the node: the items are no list, or too many. */
export const ITEMS_REFUSED = { notAList: 'signalbox_not_a_list', tooMany: 'signalbox_too_many_items' } as const;

/** A node without a pod, which ends at once. */
const NOTHING = 'nothing';
const MAIN = 'main';

/** Of a definition that Argo can execute: see `argoProblems`. */
export function toWorkflowTemplate(definition: Definition): Record<string, Json> {
  const { tasks, timeoutMs, maxParallel } = definition;
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'WorkflowTemplate',
    metadata: { name: definition.name },
    spec: {
      entrypoint: MAIN,
      arguments: { parameters: argumentsOf(definition) },
      ...(timeoutMs === undefined ? {} : { activeDeadlineSeconds: Math.ceil(timeoutMs / 1000) }),
      ...(maxParallel === undefined ? {} : { parallelism: maxParallel }),
      templates: [
        {
          name: MAIN,
          // What fails ends the run only once all that can go on has ended.
          dag: {
            failFast: false,
            tasks: [...tasks.flatMap((task, at) => dagTasks(task, definition, at)), verdict(tasks)],
          },
        },
        { name: NOTHING, suspend: { duration: '0' } },
        ...tasks.map((task, at) => podTemplate(task, definition, at)),
      ],
    },
  } as unknown as Record<string, Json>;
}

function argumentsOf(definition: Definition): object[] {
  const params = Object.entries(definition.params).map(([name, schema]) => ({
    name: paramArgument(name),
    ...(schema.default === undefined ? {} : { value: base64(JSON.stringify(schema.default)) }),
  }));
  return [
    ...params,
    { name: RUN_ID, value: '' },
    { name: TRACEPARENT, value: '' },
    { name: ROUND_PARAMETER, value: '1' },
    { name: HISTORY_PARAMETER, value: base64('[]') },
    { name: PLAN, value: writePlan(definition) },
    { name: RUNNER, value: runnerScript() },
  ];
}

function dagTasks(task: TaskDefinition, definition: Definition, position: number): object[] {
  const start = startOf(task, definition);
  const inputs = inputsOf(task).map(({ name, reference }) => {
    const variables = new Variables();
    return { name, value: tag(`toBase64(${toJson(valuesOfTasks(definition, variables)(reference))})`) };
  });
  const name = taskName(task.id);
  const template = templateName(task.id, position);
  if (!task.foreach) {
    return [{ name, template, ...start, ...(inputs.length === 0 ? {} : { arguments: { parameters: inputs } }) }];
  }
  return [
    { name: gateName(task.id), template: NOTHING, ...start },
    {
      name,
      template,
      depends: `${gateName(task.id)}.Succeeded`,
      withParam: tag(itemsOf(task, definition)),
      arguments: { parameters: [...inputs, { name: ITEM, value: '{{item}}' }] },
    },
  ];
}

/** `POSITION.JSON` of each item, the JSON in base64. What is no list of texts Argo refuses, and quotes. */
function itemsOf(task: TaskDefinition, definition: Definition): string {
  const variables = new Variables();
  const all = variables.next();
  const list = resolved(task.foreach?.items ?? null, valuesOfTasks(definition, variables), variables);
  const [at, items] = [variables.next(), variables.next()];
  const entry = `let ${at} = #; string(${at}) + '.' + toBase64(${toJson(`${items}[${at}]`)})`;
  const entries = `(let ${items} = ${all}[0]; len(${items}) == 0 ? [] : map(0..(len(${items}) - 1), ${entry}))`;
  return (
    `let ${all} = [${list}]; type(${all}[0]) != 'array' ? '${ITEMS_REFUSED.notAList}' : ` +
    `len(${all}[0]) > ${MAX_ITEMS} ? '${ITEMS_REFUSED.tooMany}' : ${toJson(entries)}`
  );
}

/**
 * It depends on the good end of every task whose failure counts. When that did not come Argo leaves it out, and takes what was
 * left out for failed where something before it failed: so the run ends as the worst of its tasks that count.
 */
function verdict(tasks: TaskDefinition[]): object {
  const depends = tasks.map((task) => {
    if (task.allowFailure) return hasEnded(task);
    return [...(task.foreach ? [gateName(task.id)] : []), taskName(task.id)]
      .map((name) => `(${name}.Succeeded || ${name}.Skipped || ${name}.Omitted)`)
      .join(' && ');
  });
  return { name: VERDICT, template: NOTHING, depends: depends.join(' && ') };
}
