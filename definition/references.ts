import { assertNever } from './assert-never.js';
import type { Json } from './definition-types.js';

/** What stands inside `${{ }}`. */
export type Reference =
  | { kind: 'param'; name: string }
  | { kind: 'output'; task: string; name: string }
  /** The whole result of a task: all of its outputs as one object. */
  | { kind: 'outputs'; task: string }
  | { kind: 'state'; task: string }
  | { kind: 'item' }
  | { kind: 'run-id' }
  | { kind: 'run-state' };

export type TextPart = { text: string } | { reference: Reference; source: string };

export interface ParsedText {
  parts: TextPart[];
  /** One sentence per reference that cannot be read; such a one stands in `parts` as plain text. */
  problems: string[];
}

/** The values that references stand for. `outputs` of a foreach task hold one list per name, in item order. */
export interface ReferenceScope {
  params: Readonly<Record<string, Json>>;
  tasks: Readonly<Record<string, { state: string; outputs: Readonly<Record<string, Json>> }>>;
  item?: Json;
  run: { id: string; state?: string };
}

export interface FoundReference {
  reference: Reference;
  /** As written, without the braces. */
  source: string;
  /** From the value that was searched to the text that holds the reference. */
  path: string[];
  /** The text is this one reference and nothing else, so the value keeps its type. */
  whole: boolean;
}

export const REFERENCE_FORMS =
  'params.NAME, tasks.ID.outputs.NAME, tasks.ID.outputs, tasks.ID.state, item, run.id, run.state';

/** Splits a text into plain text and references. Never throws. */
export function parseReferences(text: string): ParsedText {
  const parts: TextPart[] = [];
  const problems: string[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('${{', at);
    if (open < 0) break;
    plain += text.slice(at, open);
    const close = text.indexOf('}}', open + 3);
    if (close < 0) {
      problems.push('A "${{" is not closed by "}}".');
      at = open;
      break;
    }
    const source = text.slice(open + 3, close).trim();
    const reference = parseReference(source);
    if (typeof reference === 'string') {
      problems.push(reference);
      plain += text.slice(open, close + 2);
    } else {
      if (plain !== '') parts.push({ text: plain });
      plain = '';
      parts.push({ reference, source });
    }
    at = close + 2;
  }
  plain += text.slice(at);
  if (plain !== '') parts.push({ text: plain });
  return { parts, problems };
}

/** Every reference inside a value, in lists and objects too (not in the keys of objects). */
export function referencesIn(value: Json): FoundReference[] {
  const found: FoundReference[] = [];
  const visit = (part: Json, path: string[]): void => {
    if (typeof part === 'string') {
      const { parts } = parseReferences(part);
      for (const piece of parts) {
        if ('reference' in piece) found.push({ ...piece, path, whole: parts.length === 1 });
      }
    } else if (Array.isArray(part)) {
      part.forEach((entry, index) => visit(entry, [...path, String(index)]));
    } else if (part !== null && typeof part === 'object') {
      for (const [key, entry] of Object.entries(part)) visit(entry, [...path, key]);
    }
  };
  visit(value, []);
  return found;
}

/**
 * The value with every reference replaced. A text that is one reference becomes the value itself, of its own type;
 * within other text a string stands as it is and anything else as compact JSON. What is absent is null.
 */
export function resolveValue(value: Json, scope: ReferenceScope): Json {
  if (typeof value === 'string') return resolveText(value, scope);
  if (Array.isArray(value)) return value.map((entry) => resolveValue(entry, scope));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, resolveValue(entry, scope)]));
  }
  return value;
}

/** How a value arrives in `command`, `args` and `env`: a string as it is, anything else as one compact JSON text. */
export function argumentText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The outputs of a foreach task: one list per declared name, in item order, null where an item wrote none. */
export function collectOutputs(
  names: readonly string[],
  items: readonly (Readonly<Record<string, Json>> | undefined)[],
): Record<string, Json> {
  return Object.fromEntries(names.map((name) => [name, items.map((outputs) => own(outputs, name) ?? null)]));
}

/** The value of one reference, null when it is absent. */
export function lookUp(reference: Reference, scope: ReferenceScope): Json {
  switch (reference.kind) {
    case 'param':
      return own(scope.params, reference.name) ?? null;
    case 'output':
      return own(own(scope.tasks, reference.task)?.outputs, reference.name) ?? null;
    case 'outputs': {
      const outputs = own(scope.tasks, reference.task)?.outputs;
      return outputs === undefined ? null : { ...outputs };
    }
    case 'state':
      return own(scope.tasks, reference.task)?.state ?? null;
    case 'item':
      return scope.item ?? null;
    case 'run-id':
      return scope.run.id;
    case 'run-state':
      return scope.run.state ?? null;
    default:
      return assertNever(reference);
  }
}

function resolveText(text: string, scope: ReferenceScope): Json {
  const { parts } = parseReferences(text);
  const [first] = parts;
  if (parts.length === 1 && first !== undefined && 'reference' in first) return lookUp(first.reference, scope);
  return parts.map((part) => ('text' in part ? part.text : argumentText(lookUp(part.reference, scope)))).join('');
}

/** Names of other objects must never answer for a missing entry: `constructor` is nobody's output. */
function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

const SEGMENT = /(?:^|\.)([A-Za-z_][A-Za-z0-9_-]*)|\["([^"\\]*)"\]|\['([^'\\]*)'\]/y;

/** A sentence saying what is wrong when it is not a reference. */
function parseReference(source: string): Reference | string {
  const segments = toSegments(source);
  const wrong = `"\${{ ${source.slice(0, 80)} }}" is not a reference; there are ${REFERENCE_FORMS}, and no functions.`;
  if (segments === undefined) return wrong;
  const [root, ...rest] = segments;
  const [second] = rest;
  if (root === 'item' && rest.length === 0) return { kind: 'item' };
  if (root === 'run' && rest.length === 1 && second === 'id') return { kind: 'run-id' };
  if (root === 'run' && rest.length === 1 && second === 'state') return { kind: 'run-state' };
  if (root === 'params' && rest.length === 1 && second !== undefined) return { kind: 'param', name: second };
  if (root === 'secrets') return 'A secret cannot be referenced; list it under "secrets" of the task.';
  if (root !== 'tasks') return wrong;
  // A grouped id has dots of its own; `outputs` and `state` are never segments of one after the first.
  const end = rest.findIndex((segment, index) => index > 0 && (segment === 'outputs' || segment === 'state'));
  if (end < 0) return wrong;
  const task = rest.slice(0, end).join('.');
  const [member, name, ...deeper] = rest.slice(end);
  if (deeper.length > 0) return wrong;
  if (member === 'state') return name === undefined ? { kind: 'state', task } : wrong;
  return name === undefined ? { kind: 'outputs', task } : { kind: 'output', task, name };
}

function toSegments(source: string): string[] | undefined {
  const segments: string[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < source.length) {
    const match = SEGMENT.exec(source);
    if (match === null) return undefined;
    segments.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return segments.length > 0 ? segments : undefined;
}
