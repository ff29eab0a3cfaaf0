import type { Json } from '../../../definition/definition-types.js';
import { parseReferences } from '../../../definition/references.js';
import type { Reference } from '../../../definition/references.js';

/**
 * A value of the definition as the compiled DAG resolves it: a tagged list. `["value", x]` is x as it is, so that nothing
 * of a text is ever read twice; `["text", parts]` joins; `["list", entries]` and `["object", pairs]` hold references.
 */
export type Template = [tag: string, ...rest: Json[]];

export function compileTemplate(value: Json): Template {
  if (typeof value === 'string') return compileText(value);
  if (value === null || typeof value !== 'object') return ['value', value];
  if (Array.isArray(value)) {
    const entries = value.map(compileTemplate);
    return entries.every(isValue) ? ['value', value] : ['list', entries];
  }
  const pairs = Object.entries(value).map(([key, entry]): [string, Template] => [key, compileTemplate(entry)]);
  return pairs.every(([, entry]) => isValue(entry)) ? ['value', value] : ['object', pairs];
}

function compileText(text: string): Template {
  const { parts } = parseReferences(text);
  const templates = parts.map((part) => ('text' in part ? literal(part.text) : compileReference(part.reference)));
  const [first] = templates;
  if (first === undefined) return literal('');
  return templates.length === 1 ? first : ['text', templates];
}

function literal(text: string): Template {
  return ['value', text];
}

function compileReference(reference: Reference): Template {
  switch (reference.kind) {
    case 'param':
      return ['param', reference.name];
    case 'output':
      return ['output', reference.task, reference.name];
    case 'outputs':
    case 'state':
      return [reference.kind, reference.task];
    case 'item':
    case 'run-id':
    case 'run-state':
      return [reference.kind];
  }
}

function isValue([tag]: Template): boolean {
  return tag === 'value';
}
