import type { Json, ValueType } from './definition-types.js';
import type { Reference } from './references.js';
import { referencesIn } from './references.js';
import { parseWhen } from './when-expression.js';

/** A task as written, of whatever is readable in a document that may be wrong elsewhere. */
export interface TaskView {
  id: string;
  path: string[];
  isFinally: boolean;
  body: Record<string, Json>;
  /** As written, whether such tasks exist or not. */
  needs: string[];
  /** Tasks whose results it refers to, itself included if it does. */
  implied: string[];
}

/** A document seen as a definition, so that one wrong part does not hide what is wrong with the others. */
export interface DocumentView {
  root: Record<string, Json>;
  params: Map<string, Record<string, Json>>;
  tasks: Map<string, TaskView>;
  finallyTasks: Map<string, TaskView>;
}

/** The fields of a task in which references are resolved. */
export const REFERENCE_FIELDS: readonly (readonly string[])[] = [
  ['command'],
  ['args'],
  ['env'],
  ['with'],
  ['inputs'],
  ['foreach', 'items'],
  ['workflow', 'params'],
  ['cache', 'key'],
];

export function viewDocument(document: Json): DocumentView {
  const root = asRecord(document);
  return {
    root,
    params: new Map(Object.entries(asRecord(root.params)).map(([name, schema]) => [name, asRecord(schema)])),
    tasks: viewTasks(root.tasks, 'tasks'),
    finallyTasks: viewTasks(root.finally, 'finally'),
  };
}

/** The entries of a value that is a map, else nothing. */
export function asRecord(value: Json | undefined): Record<string, Json> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** The texts of a value that is a list, else nothing. */
export function asTexts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

/** The part of a value that a path leads to. */
export function partAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((part, key) => {
    const record = asRecord(part);
    return Object.hasOwn(record, key) ? record[key] : undefined;
  }, value);
}

/** The type a reference stands for, as far as it is declared. */
export function typeOf(reference: Reference, view: DocumentView): ValueType | undefined {
  switch (reference.kind) {
    case 'param':
      return view.params.get(reference.name)?.type as ValueType | undefined;
    case 'output': {
      const task = view.tasks.get(reference.task) ?? view.finallyTasks.get(reference.task);
      if (task?.body.foreach !== undefined) return 'array';
      return partAt(task?.body, ['outputs', reference.name, 'type']) as ValueType | undefined;
    }
    case 'outputs':
      return 'object';
    case 'state':
    case 'run-id':
    case 'run-state':
      return 'string';
    case 'item':
      return undefined;
  }
}

function viewTasks(section: Json | undefined, name: 'tasks' | 'finally'): Map<string, TaskView> {
  return new Map(
    Object.entries(asRecord(section)).map(([id, value]) => {
      const body = asRecord(value);
      const isFinally = name === 'finally';
      return [id, { id, path: [name, id], isFinally, body, needs: asTexts(body.needs), implied: impliedNeeds(body) }];
    }),
  );
}

function impliedNeeds(body: Record<string, Json>): string[] {
  const references = REFERENCE_FIELDS.flatMap((field) =>
    referencesIn(partAt(body, field) ?? null).map(({ reference }) => reference),
  );
  if (typeof body.when === 'string') references.push(...parseWhen(body.when).references);
  return [...new Set(references.flatMap((reference) => ('task' in reference ? [reference.task] : [])))];
}
