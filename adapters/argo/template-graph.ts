import { toTaskGraph as graphOfDefinition } from '../../definition/task-graph.js';
import type { CallContext } from '../spi/engine-adapter.js';
import { EngineError } from '../spi/engine-error.js';
import type { TaskGraph } from '../spi/facts.js';
import { readObject } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ArgoAccess, TemplateRef } from './argo-access.js';
import { readPlan } from './compile/plan.js';
import { isObject, objectIn, objectsIn, readNamed, textIn } from './read-fields.js';
import { scopesIn, toTaskGraph } from './to-task-graph.js';
import type { Scope } from './to-task-graph.js';

/** Templates of others that one workflow may call, and theirs. */
const FOREIGN_LIMIT = 100;

/** The graph of a template that Argo has, with what it calls in others; nothing when Argo has none of this name. */
export async function readTemplateGraph(
  access: ArgoAccess,
  ref: TemplateRef,
  ctx: CallContext,
): Promise<TaskGraph | undefined> {
  const spec = await readTemplateSpec(access, ref, ctx);
  if (!spec) return undefined;
  const plan = readPlan(spec);
  if (plan) return graphOfDefinition(plan);
  const foreign = await foreignSpecs(access, spec, ctx);
  return toTaskGraph(spec, (scope, name) =>
    objectsIn(foreign.get(scope) ?? {}, 'templates').find((template) => template['name'] === name),
  );
}

/** Where a workflow was not yet seen by the controller, its templates do not stand in it: the reference to them does. */
export function unseenTemplateOf(workflow: JsonObject): TemplateRef | undefined {
  if (isObject(objectIn(workflow, 'status')['storedWorkflowTemplateSpec'])) return undefined;
  const ref = objectIn(objectIn(workflow, 'spec'), 'workflowTemplateRef');
  const name = textIn(ref, 'name');
  const kind = ref['clusterScope'] === true ? 'ClusterWorkflowTemplate' : 'WorkflowTemplate';
  return name === undefined ? undefined : { kind, name };
}

/** Throws `unknown` for an answer about another template. */
export async function readTemplateSpec(
  access: ArgoAccess,
  ref: TemplateRef,
  ctx: CallContext,
): Promise<JsonObject | undefined> {
  const template = await access.template(ref, ctx);
  if (!template) return undefined;
  return readObject(readNamed(template, ref.name)['spec'], 'spec of the template');
}

/** Every template that a workflow calls in others, at any depth. One that is not there is left out: its tasks are leaves. */
async function foreignSpecs(access: ArgoAccess, spec: JsonObject, ctx: CallContext): Promise<Map<Scope, JsonObject>> {
  const specs = new Map<Scope, JsonObject>();
  const open = scopesIn(spec);
  for (let scope = open.pop(); scope !== undefined; scope = open.pop()) {
    if (specs.has(scope)) continue;
    if (specs.size >= FOREIGN_LIMIT) throw new EngineError('rejected', `it calls more than ${FOREIGN_LIMIT} templates`);
    const [kind, name = ''] = scope.split('/');
    const ref: TemplateRef = { kind: kind === 'cluster' ? 'ClusterWorkflowTemplate' : 'WorkflowTemplate', name };
    const called = (await readTemplateSpec(access, ref, ctx)) ?? {};
    specs.set(scope, called);
    open.push(...scopesIn(called));
  }
  return specs;
}
