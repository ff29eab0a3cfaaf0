import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject } from 'ajv/dist/2020.js';
import { closestName } from './closest-name.js';
import type { Json } from './definition-types.js';
import schema from './definition.schema.json' with { type: 'json' };
import { fieldName, fromPointer } from './json-pointer.js';

/** A problem of a document before its line is known. */
export interface Finding {
  severity: 'error' | 'warning';
  code: string;
  message: string;
  path: string[];
}

/** Kinds as a definition writes them; `image` beside `command` makes a container of it. */
const KIND_KEYS = ['run', 'command', 'python', 'node', 'workflow', 'wait'] as const;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  null: 'empty',
};

/** More than anybody reads, counted before alternatives are told as one. */
const MAX_ERRORS = 2000;

// The schema is ours and fixed; texts of users are only ever data to it.
const validate = new Ajv2020({
  allErrors: true,
  verbose: true,
  strictTypes: false,
  strictRequired: false,
  validateFormats: false,
}).compile(schema);

/** What the published JSON Schema says against a document, in sentences that name the field and what is allowed. */
export function checkStructure(document: Json): Finding[] {
  if (validate(document)) return [];
  const told = new Map<string, Finding>();
  for (const finding of (validate.errors ?? []).slice(0, MAX_ERRORS).flatMap(toFinding)) {
    told.set(JSON.stringify([finding.path, finding.message]), finding);
  }
  return [...told.values()];
}

function toFinding(error: ErrorObject): Finding[] {
  // The branches of an alternative say only that they are not the right one; the alternative itself is told once.
  if (/\/(oneOf|anyOf|not)\//.test(error.schemaPath) || error.keyword === 'propertyNames') return [];
  const path = fromPointer(error.instancePath);
  if (error.propertyName !== undefined) {
    const keyPath = [...path, error.propertyName];
    const allowed = descriptionOf(error) ?? 'another name';
    const message = `"${error.propertyName.slice(0, 80)}" cannot be a name in ${fieldName(path)}; allowed is: ${allowed}.`;
    return [{ severity: 'error', code: 'bad-name', message, path: keyPath }];
  }
  return [{ severity: 'error', path, ...describe(error, path) }];
}

function describe(error: ErrorObject, path: string[]): { code: string; message: string; path?: string[] } {
  const field = fieldName(path);
  const params: Readonly<Record<string, unknown>> = error.params;
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(error, path, String(params.additionalProperty));
    case 'required':
      return { code: 'missing-field', message: `${field} lacks "${String(params.missingProperty)}".` };
    case 'dependentRequired':
      return {
        code: 'args-without-command',
        message: `${field}.args needs "command"; only a command takes arguments.`,
      };
    case 'type':
      return { code: 'wrong-type', message: `${field} must be ${typeWords(params.type)}, not ${wordFor(error.data)}.` };
    case 'const':
      return { code: 'not-allowed', message: `${field} must be ${JSON.stringify(params.allowedValue)}.` };
    case 'enum':
      return {
        code: 'not-allowed',
        message: `${field} must be one of ${listOf(params.allowedValues)}${meant(error)}.`,
      };
    case 'pattern':
      return { code: 'bad-format', message: `${field} must be ${descriptionOf(error) ?? 'of another form'}.` };
    case 'uniqueItems':
      return { code: 'duplicate-entry', message: `${field} holds the same entry twice (${dataAt(error, params.j)}).` };
    case 'oneOf':
      return alternatives(error, path);
    case 'minProperties':
    case 'minItems':
    case 'minLength':
      return { code: 'empty-field', message: `${field} must not be empty.` };
    case 'maxProperties':
    case 'maxItems':
      return { code: 'too-many', message: `${field} must not have more than ${String(params.limit)} entries.` };
    case 'maxLength':
      return { code: 'too-long', message: `${field} must not be longer than ${String(params.limit)} characters.` };
    case 'minimum':
      return { code: 'out-of-range', message: `${field} must be ${String(params.limit)} or more.` };
    case 'maximum':
      return { code: 'out-of-range', message: `${field} must be ${String(params.limit)} or less.` };
    case 'exclusiveMinimum':
      return { code: 'out-of-range', message: `${field} must be more than ${String(params.limit)}.` };
    default:
      return { code: 'not-allowed', message: `${field} is not as the schema says (${error.keyword}).` };
  }
}

function unknownField(error: ErrorObject, path: string[], key: string) {
  const known = Object.keys(recordOf(recordOf(error.parentSchema).properties));
  const suggestion = closestName(key, known);
  const fieldPath = [...path, key];
  const hint = suggestion === undefined ? `known are ${known.join(', ')}` : `did you mean ${suggestion}?`;
  const end = suggestion === undefined ? '.' : '';
  const message = `${fieldName(fieldPath)} is not known here; ${hint}${end}`;
  return { code: 'unknown-field', message, path: fieldPath };
}

function alternatives(error: ErrorObject, path: string[]) {
  const field = fieldName(path);
  const has = Object.keys(recordOf(error.data));
  const { properties } = recordOf(error.parentSchema);
  const concerns = (key: string): boolean => Object.hasOwn(recordOf(properties), key);
  if (concerns('run')) {
    const kinds = KIND_KEYS.filter((kind) => has.includes(kind));
    const found = kinds.length === 0 ? 'has none of them' : `has ${kinds.join(' and ')}`;
    return { code: 'task-kind', message: `A task has exactly one of ${KIND_KEYS.join(', ')}; ${field} ${found}.` };
  }
  if (concerns('artifact')) {
    const found = has.includes('type') ? 'has both' : 'has none of them';
    return { code: 'output-kind', message: `An output has a type, an artifact or a handler; ${field} ${found}.` };
  }
  if (concerns('secret')) {
    return { code: 'secret-use', message: `${field} needs either "env" and "key", or "mount".` };
  }
  return { code: 'missing-field', message: `${field} needs exactly one of "lockfile" and "requirements".` };
}

function meant(error: ErrorObject): string {
  const allowed: unknown = error.params.allowedValues;
  if (typeof error.data !== 'string' || !Array.isArray(allowed)) return '';
  const suggestion = closestName(error.data, allowed.map(String));
  return suggestion === undefined ? '' : `; did you mean ${suggestion}`;
}

function descriptionOf(error: ErrorObject): string | undefined {
  const { description } = recordOf(error.parentSchema);
  return typeof description === 'string' ? description : undefined;
}

function typeWords(types: unknown): string {
  const names = Array.isArray(types) ? types.map(String) : String(types).split(',');
  return names.map((name) => TYPE_WORDS[name] ?? name).join(' or ');
}

function wordFor(value: unknown): string {
  if (value === null) return 'empty';
  return TYPE_WORDS[Array.isArray(value) ? 'array' : typeof value] ?? typeof value;
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map(String).join(', ') : String(values);
}

function dataAt(error: ErrorObject, index: unknown): string {
  const entry: unknown = Array.isArray(error.data) ? error.data[Number(index)] : undefined;
  return JSON.stringify(entry).slice(0, 80);
}

function recordOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
}
