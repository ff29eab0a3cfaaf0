/** What the adapter has to know of a definition to tell what its run came to. It travels with the template, as an argument. */
import type { Definition } from '../../../definition/definition-types.js';
import type { JsonObject } from '../../spi/http/read-answer.js';
import { readJson } from '../../spi/http/read-answer.js';
import { argumentOf, isObject } from '../read-fields.js';
import { PLAN } from './argo-names.js';
import { base64 } from './expression.js';

/** A definition without what its tasks execute. */
export type Plan = Definition;

export function writePlan(definition: Definition): string {
  const tasks = definition.tasks.map(({ run: _run, command: _command, args: _args, env: _env, ...task }) => task);
  return base64(JSON.stringify({ ...definition, other: {}, tasks: tasks.map((task) => ({ ...task, other: {} })) }));
}

/** Nothing for a template that was not compiled. `spec` is that of a template or a workflow. */
export function readPlan(spec: JsonObject): Plan | undefined {
  const text = argumentOf(spec, PLAN);
  if (text === undefined) return undefined;
  const plan = readJson(Buffer.from(text, 'base64'));
  return isPlan(plan) ? plan : undefined;
}

/** The marker of our own compiler is enough: nobody else writes this argument. */
function isPlan(value: unknown): value is Plan {
  return isObject(value) && value['apiVersion'] === 'signalbox/v1' && Array.isArray(value['tasks']);
}
