/** From the templates of a workflow to its tasks and edges. Pure. */
import type { TaskFacts, TaskGraph } from '../spi/facts.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { isObject, objectIn, objectsIn, textIn } from './read-fields.js';

/** The title of what an exit handler does: Argo calls its node so. */
export const ON_EXIT = 'onExit';

/** Where a template stands: in the workflow itself, or `namespaced/NAME`, `cluster/NAME` of another one. */
export type Scope = string;
export const OWN_SCOPE: Scope = '';

/** A template of another WorkflowTemplate; nothing when it is not known. */
export type ForeignTemplate = (scope: Scope, template: string) => JsonObject | undefined;

/** Templates may call themselves; Argo ends that with a condition, a graph has to end it here. */
const DEPTH_LIMIT = 32;
const LEAF_TYPES = ['container', 'containerSet', 'script', 'resource', 'http', 'plugin', 'suspend', 'data'];

/** A piece of the graph: its tasks, those that begin it and those that end it. */
interface Piece {
  first: string[];
  last: string[];
}

interface Place {
  template: JsonObject | undefined;
  scope: Scope;
  path: string[];
  /** The templates around it, and itself. */
  within: string[];
}

/** `spec` is that of a workflow or of a template of one. A task is a leaf of nested DAGs and steps, titled `outer.inner`. */
export function toTaskGraph(spec: JsonObject, foreign: ForeignTemplate): TaskGraph {
  const types = new Map<string, string>();
  const downstream = new Map<string, Set<string>>();
  const connect = (from: Piece, to: Piece): void => {
    for (const before of from.last) for (const after of to.first) downstream.get(before)?.add(after);
  };

  const find = (scope: Scope, name: string): JsonObject | undefined =>
    scope === OWN_SCOPE
      ? objectsIn(spec, 'templates').find((template) => template['name'] === name)
      : foreign(scope, name);

  const leaf = ({ template, path }: Place, name: string): Piece => {
    const title = path.length === 0 ? name : path.join('.');
    types.set(title, LEAF_TYPES.find((type) => template !== undefined && Object.hasOwn(template, type)) ?? 'unknown');
    if (!downstream.has(title)) downstream.set(title, new Set());
    return { first: [title], last: [title] };
  };

  const expand = (place: Place, name: string): Piece => {
    const { template } = place;
    const known = template !== undefined && place.within.length < DEPTH_LIMIT;
    if (known && isObject(template['dag'])) return dag(place, objectsIn(template['dag'], 'tasks'));
    if (known && Array.isArray(template['steps'])) return steps(place, template['steps'].map(toGroup));
    return leaf(place, name);
  };

  const called = (place: Place, task: JsonObject): Piece => {
    const path = [...place.path, textIn(task, 'name') ?? 'unnamed'];
    const inline = task['inline'];
    if (isObject(inline)) {
      return expand({ template: inline, scope: place.scope, path, within: [...place.within, 'inline'] }, '');
    }
    const ref = task['templateRef'];
    const scope = isObject(ref) ? scopeOf(ref) : place.scope;
    const name = textIn(isObject(ref) ? ref : task, 'template') ?? '';
    const key = `${scope}/${name}`;
    // A template that calls itself is shown once: how often it will is not known.
    const template = place.within.includes(key) ? undefined : find(scope, name);
    return expand({ template, scope, path, within: [...place.within, key] }, name);
  };

  const dag = (place: Place, tasks: JsonObject[]): Piece => {
    const pieces = new Map(tasks.map((task) => [textIn(task, 'name') ?? 'unnamed', called(place, task)]));
    const needed = new Set<string>();
    const first: string[] = [];
    for (const task of tasks) {
      const piece = pieces.get(textIn(task, 'name') ?? 'unnamed');
      const needs = needsOf(task).filter((need) => pieces.has(need));
      if (!piece) continue;
      if (needs.length === 0) first.push(...piece.first);
      for (const need of needs) {
        needed.add(need);
        const before = pieces.get(need);
        if (before) connect(before, piece);
      }
    }
    const last = [...pieces].flatMap(([name, piece]) => (needed.has(name) ? [] : piece.last));
    return { first, last };
  };

  const steps = (place: Place, groups: JsonObject[][]): Piece => {
    let first: string[] | undefined;
    let before: Piece | undefined;
    for (const group of groups.filter(({ length }) => length > 0)) {
      const pieces = group.map((step) => called(place, step));
      const whole = { first: pieces.flatMap((one) => one.first), last: pieces.flatMap((one) => one.last) };
      if (before) connect(before, whole);
      first ??= whole.first;
      before = whole;
    }
    return { first: first ?? [], last: before?.last ?? [] };
  };

  const begin = (name: string, path: string[]): Piece =>
    expand({ template: find(OWN_SCOPE, name), scope: OWN_SCOPE, path, within: [`${OWN_SCOPE}/${name}`] }, name);

  const entrypoint = textIn(spec, 'entrypoint');
  if (entrypoint === undefined) return { tasks: [] };
  const main = begin(entrypoint, []);
  const onExit = textIn(spec, 'onExit');
  if (onExit !== undefined) connect(main, begin(onExit, [ON_EXIT]));
  const toTask = ([title, type]: [string, string]): TaskFacts => ({
    title,
    type,
    downstream: [...(downstream.get(title) ?? [])].sort(),
  });
  return { tasks: [...types].map(toTask) };
}

/** `depends` is an expression over tasks and their ends: `(a.Succeeded || a.Skipped) && b`. */
export function needsOf(task: JsonObject): string[] {
  const listed = Array.isArray(task['dependencies']) ? task['dependencies'].map(String) : [];
  const expression = textIn(task, 'depends') ?? '';
  const named = [...expression.matchAll(/[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z]+)?/g)].map(
    ([word]) => word.split('.')[0] ?? '',
  );
  return [...new Set([...listed, ...named])];
}

export function scopeOf(templateRef: JsonObject): Scope {
  return `${templateRef['clusterScope'] === true ? 'cluster' : 'namespaced'}/${textIn(templateRef, 'name') ?? ''}`;
}

/** Every other template that a spec calls, by name, at any depth. */
export function scopesIn(spec: JsonObject): Scope[] {
  const found = new Set<Scope>();
  const look = (template: JsonObject): void => {
    const groups = Array.isArray(template['steps']) ? template['steps'].flatMap(toGroup) : [];
    for (const task of [...objectsIn(objectIn(template, 'dag'), 'tasks'), ...groups]) {
      if (isObject(task['templateRef'])) found.add(scopeOf(task['templateRef']));
      if (isObject(task['inline'])) look(task['inline']);
    }
  };
  for (const template of objectsIn(spec, 'templates')) look(template);
  return [...found];
}

/** Argo takes a group of parallel steps as a list, and a single step as it is. */
function toGroup(group: unknown): JsonObject[] {
  if (Array.isArray(group)) return group.filter(isObject);
  if (!isObject(group)) return [];
  return Array.isArray(group['steps']) ? objectsIn(group, 'steps') : [group];
}
