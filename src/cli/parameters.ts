import { parse as parseYaml } from 'yaml';
import type { ParamSchema, ValueType } from '../../definition/definition-types.js';
import { namedParameters } from '../../definition/parameter-names.js';
import type { WorkflowParameter } from './api-types.js';
import { CliError } from './cli-error.js';
import { readText } from './read-text.js';

/** What a value on the command line is meant to be. `any`: nothing is declared, so JSON if it reads as JSON. */
export type ParameterType = 'string' | 'integer' | 'number' | 'boolean' | 'list' | 'object' | 'reference' | 'any';

const FORM_TYPES: Record<string, ParameterType> = {
  str: 'string',
  int: 'integer',
  float: 'number',
  bool: 'boolean',
  terms: 'boolean',
  list: 'list',
  object: 'object',
  // The name of a thing, or several of them, or what a picker made of it.
  dataset: 'reference',
  data_entity: 'reference',
  file: 'reference',
};

const SCHEMA_TYPES: Record<ValueType, ParameterType> = {
  string: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  array: 'list',
  object: 'object',
};

/** The types by name, as a run's `parameters` names them. */
export function declaredTypes(parameters: readonly WorkflowParameter[]): Map<string, ParameterType> {
  return new Map(
    namedParameters(parameters).map(([name, { ui_form: form }]) => [
      name,
      choiceType(form) ?? FORM_TYPES[form.type] ?? 'any',
    ]),
  );
}

/** The types by name, of a portable definition. */
export function schemaTypes(params: Readonly<Record<string, ParamSchema>>): Map<string, ParameterType> {
  return new Map(Object.entries(params).map(([name, { type }]) => [name, SCHEMA_TYPES[type]]));
}

/** A list of which one entry is picked: a value of the type that all its entries have. */
function choiceType(form: WorkflowParameter['ui_form']): ParameterType | undefined {
  if (form.type !== 'list' || form.multiselectable === true || !form.options?.length) return undefined;
  const types = new Set(form.options.map((option) => typeof option));
  if (types.size > 1) return 'any';
  return types.has('string') ? 'string' : types.has('number') ? 'number' : 'any';
}

/**
 * `NAME=VALUE` texts as values of their declared types; `NAME=@FILE` takes the content of the file (`@@` begins a plain
 * value with one `@`). A value that does not fit its type stays text: the service says what is wrong with it.
 * Throws `CliError` for a text without `=`, a name that is given twice, or an unreadable file.
 */
export function readAssignments(
  texts: readonly string[],
  types: ReadonlyMap<string, ParameterType>,
  readFile: (path: string) => string = readText,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const text of texts) {
    const { name, value } = splitAssignment(text);
    if (Object.hasOwn(values, name)) throw new CliError(`The parameter ${name} is given twice.`);
    define(values, name, convert(fetchText(value, readFile), types.get(name) ?? 'any'));
  }
  return values;
}

/** A text as a value of `type`: JSON where that gives the type, else the text itself. Text for a string is never read as JSON. */
export function convert(text: string, type: ParameterType): unknown {
  if (type === 'string') return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  return fits(value, type) ? value : text;
}

/** A file of parameters: one JSON object or YAML mapping. Throws `CliError`. */
export function readParametersFile(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseYaml(readText(file), { schema: 'core', maxAliasCount: 100 });
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`${file} is neither JSON nor YAML: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CliError(`${file} must hold one mapping of parameter names to values.`);
  }
  return value as Record<string, unknown>;
}

function splitAssignment(text: string): { name: string; value: string } {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(`"${text}" is not a parameter: expected NAME=VALUE.`);
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

function fetchText(value: string, readFile: (path: string) => string): string {
  if (!value.startsWith('@')) return value;
  return value.startsWith('@@') ? value.slice(1) : readFile(value.slice(1));
}

function fits(value: unknown, type: ParameterType): boolean {
  // Beyond 2^53 a number would arrive as another one: it stays text, and is refused by name.
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return false;
  switch (type) {
    case 'any':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'reference':
      return typeof value === 'object' && value !== null;
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
  }
}

/** An own property whatever the name: `__proto__` is a name like any other. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
}
