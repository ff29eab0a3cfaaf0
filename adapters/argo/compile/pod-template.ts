/** The template of a task: a pod that executes one attempt of it. */
import type { Definition, Json, TaskDefinition } from '../../../definition/definition-types.js';
import type { Reference } from '../../../definition/references.js';
import { argumentText, parseReferences, referencesIn } from '../../../definition/references.js';
import { HISTORY_PARAMETER } from '../attempt-history.js';
import { ENDING, INDEX, ITEM, RUNNER, RUN_ID, TRACEPARENT, templateName } from './argo-names.js';
import { Variables, base64, tag, textLiteral, toJson, toText } from './expression.js';
import { toContainerResources } from './resources.js';
import { retryStrategy } from './retry-strategy.js';
import { FOLDER, HANDED_OVER } from './runner.js';
import type { ValueOf } from './task-values.js';
import { paramJson, resolved, runIdValue } from './task-values.js';

/** What a task is handed when Argo starts it: values of other tasks, as base64 of JSON. */
export interface TaskInput {
  name: string;
  reference: Reference;
}

/** Every result of other tasks that the words, variables and arguments of a task refer to, once. */
export function inputsOf(task: TaskDefinition): TaskInput[] {
  const found = referencesIn([task.command ?? [], task.args, task.env]).map(({ reference }) => reference);
  const results = new Map(
    found.flatMap((reference) => (ofOtherTask(reference) ? [[JSON.stringify(reference), reference] as const] : [])),
  );
  return [...results.values()].map((reference, at) => ({ name: `signalbox-input-${at + 1}`, reference }));
}

export function podTemplate(task: TaskDefinition, definition: Definition, position: number): object {
  const inputs = inputsOf(task);
  const names = [...inputs.map(({ name }) => name), ...(task.foreach ? [ITEM] : [])];
  const resources = toContainerResources(settingOf(task, definition, 'resources'));
  const retries = retryStrategy(task.retry);
  const handedOver = [...Object.keys(task.outputs), ENDING, ...(task.foreach ? [INDEX] : [])];
  return {
    name: templateName(task.id, position),
    ...(names.length === 0 ? {} : { inputs: { parameters: names.map((name) => ({ name })) } }),
    ...(retries === undefined ? {} : { retryStrategy: retries }),
    ...(task.foreach?.maxParallel === undefined
      ? {}
      : { synchronization: { mutexes: [{ name: laneOf(task, task.foreach.maxParallel) }] } }),
    container: {
      image: settingOf(task, definition, 'image'),
      command: ['/bin/sh', '-c', `{{workflow.parameters.${RUNNER}}}`, 'signalbox'],
      args: runnerArguments(task, inputs),
      ...(resources === undefined ? {} : { resources }),
      volumeMounts: [{ name: 'signalbox', mountPath: FOLDER }],
    },
    volumes: [{ name: 'signalbox', emptyDir: {} }],
    outputs: {
      parameters: handedOver.map((name) => ({
        name,
        valueFrom: { path: `${FOLDER}/${HANDED_OVER}/${name}`, default: '' },
      })),
    },
  };
}

/** Of the task itself, else the default of the definition. */
export function settingOf(task: TaskDefinition, definition: Definition, name: 'image' | 'resources'): Json | undefined {
  return task.other[name] ?? defaultsOf(definition)[name];
}

export function defaultsOf({ other }: Definition): Readonly<Record<string, Json>> {
  const { defaults } = other;
  return defaults !== null && typeof defaults === 'object' && !Array.isArray(defaults) ? defaults : {};
}

/** Argo holds back pods of one lock: items take turns at as many locks as may run at once. */
function laneOf(task: TaskDefinition, lanes: number): string {
  return `{{workflow.name}}-${task.id}-${tag(`string(int(${itemPosition()}) % ${lanes})`)}`;
}

function itemPosition(): string {
  return `split(inputs.parameters['${ITEM}'], '.')[0]`;
}

/** In the order that runner.ts reads them. */
function runnerArguments(task: TaskDefinition, inputs: TaskInput[]): string[] {
  const variables = new Variables();
  const valueOf = valuesOfInputs(inputs);
  const text = (value: Json): string => {
    if (typeof value !== 'string' || !holdsReference(value)) return base64(argumentText(value));
    return tag(`toBase64(${textOf(value, valueOf, variables)})`);
  };
  const words =
    task.kind === 'run'
      ? ['/bin/sh', '-c', task.run ?? ''].map((word) => base64(word))
      : [...(task.command ?? []), ...task.args].map(text);
  const environment = Object.entries(task.env).flatMap(([name, value]) => [name, text(value)]);
  environment.push('SIGNALBOX_RUN_ID', `{{workflow.parameters.${RUN_ID}}}`, 'SIGNALBOX_TASK', base64(task.id));
  if (task.foreach) environment.push('SIGNALBOX_ITEM', text('${{ item }}'));
  environment.push('TRACEPARENT', `{{workflow.parameters.${TRACEPARENT}}}`);
  const outputs = Object.entries(task.outputs).flatMap(([name, { type, default: fallback }]) => [
    name,
    type ?? 'any',
    fallback === undefined ? '-' : base64(JSON.stringify(fallback)),
  ]);
  const [before, after] = manifestOf(task, valueOf, variables);
  return [
    task.retry.max > 0 ? '{{retries}}' : '0',
    tag(earlierAttempts(task)),
    task.foreach ? tag(itemPosition()) : '',
    tag(`toBase64(${before})`),
    tag(`toBase64(${after})`),
    task.timeoutMs === undefined ? '' : String(task.timeoutMs / 1000),
    task.skipExitCode === undefined ? '' : String(task.skipExitCode),
    String(outputs.length / 3),
    String(environment.length / 2),
    ...outputs,
    ...environment,
    ...words,
  ];
}

/** The manifest before and after the number of the attempt, which the pod alone knows. */
function manifestOf(task: TaskDefinition, valueOf: ValueOf, variables: Variables): [string, string] {
  const before = `fromBase64('${base64('{"apiVersion":"signalbox/v1","run":{"id":')}') + ${toJson(runIdValue())} + fromBase64('${base64(`},"task":{"id":${JSON.stringify(task.id)},"attempt":`)}')`;
  const item = task.foreach
    ? `fromBase64('${base64(',"mapIndex":')}') + ${itemPosition()} + fromBase64('${base64(',"item":')}') + ${itemJson()} + `
    : '';
  const given = toJson(resolved(task.args, valueOf, variables));
  const rest = `},"inputs":{},"outputs":${JSON.stringify(task.outputs)},"arguments":`;
  return [before, `${item}fromBase64('${base64(rest)}') + ${given} + '}'`];
}

/** Attempts of the rounds before: the arguments of a workflow that is retried carry them. */
function earlierAttempts(task: TaskDefinition): string {
  const key = task.foreach ? `${textLiteral(task.id)} + '#' + ${itemPosition()}` : textLiteral(task.id);
  return `string(len(filter(fromJSON(fromBase64(workflow.parameters['${HISTORY_PARAMETER}'])), .k == ${key})))`;
}

/** References in the pod itself: results of others are inputs there. */
function valuesOfInputs(inputs: TaskInput[]): ValueOf {
  return (reference) => {
    switch (reference.kind) {
      case 'item':
        return `fromJSON(${itemJson()})`;
      case 'param':
        return `fromJSON(${paramJson(reference.name)})`;
      case 'run-id':
        return runIdValue();
      case 'run-state':
        return 'nil';
      case 'output':
      case 'outputs':
      case 'state': {
        const input = inputs.find((one) => JSON.stringify(one.reference) === JSON.stringify(reference));
        return `fromJSON(fromBase64(inputs.parameters['${input?.name ?? ''}']))`;
      }
    }
  };
}

function itemJson(): string {
  return `fromBase64(split(inputs.parameters['${ITEM}'], '.')[1])`;
}

/** A param that is no text stands as it was submitted: of Argo's own writing of an object the members would be sorted. */
function textOf(text: string, valueOf: ValueOf, variables: Variables): string {
  const pieces = parseReferences(text).parts.map((part) => {
    if ('text' in part) return textLiteral(part.text);
    if (part.reference.kind !== 'param') return toText(valueOf(part.reference), variables);
    const json = paramJson(part.reference.name);
    return `(type(fromJSON(${json})) == 'string' ? fromJSON(${json}) : ${json})`;
  });
  return pieces.join(' + ');
}

function ofOtherTask({ kind }: Reference): boolean {
  return kind === 'output' || kind === 'outputs' || kind === 'state';
}

function holdsReference(value: Json): boolean {
  return referencesIn(value).length > 0;
}
