import { fastFormats, fullFormats } from 'ajv-formats/dist/formats.js';
import { canonicalJson } from './canonical-json.js';
import type { Json } from './definition-types.js';
import { linearPattern, MatchBudget } from './pattern.js';

/** The keywords of JSON Schema that a definition may use; see `$defs/schema` of the published schema. */
export type ValueSchema = Readonly<Record<string, Json | undefined>>;

export interface ValueProblem {
  /** kebab-case, stable. */
  code: string;
  /** What is allowed, to follow a name: `must be 10 or less`. */
  message: string;
  /** From the value that was checked to the part that is wrong. */
  path: string[];
}

const MAX_PROBLEMS = 20;
const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/**
 * Checks a value against a schema of a definition. These schemas come from users, so they are interpreted here and not
 * compiled to code; patterns run in linear time. An integer must be one that a double holds exactly.
 * A schema that is itself wrong (unknown type, pattern that is none) refuses nothing: that is checked elsewhere.
 * Whoever checks several values for one request gives them one `budget`; what it does not cover is refused.
 */
export function checkValue(schema: ValueSchema, value: Json, budget = new MatchBudget()): ValueProblem[] {
  const findings = { problems: [], budget };
  visit(schema, value, [], findings);
  return findings.problems.slice(0, MAX_PROBLEMS);
}

interface Findings {
  problems: ValueProblem[];
  budget: MatchBudget;
}

function visit(schema: ValueSchema, value: Json, path: string[], findings: Findings): void {
  if (findings.problems.length >= MAX_PROBLEMS) return;
  const report = (code: string, message: string): number => findings.problems.push({ code, message, path });
  const { type } = schema;
  if (typeof type === 'string' && !hasType(value, type)) {
    report('wrong-type', `must be ${TYPE_WORDS[type] ?? type}${typeHint(value, type)}`);
    return;
  }
  if (Array.isArray(schema.enum) && !choicesOf(schema.enum).has(canonicalJson(value))) {
    report('not-allowed', `must be one of ${schema.enum.map(shown).join(', ').slice(0, 500)}`);
  }
  if (schema.const !== undefined && canonicalJson(schema.const) !== canonicalJson(value)) {
    report('not-allowed', `must be ${shown(schema.const)}`);
  }
  if (typeof value === 'number') checkNumber(schema, value, report);
  else if (typeof value === 'string') checkText(schema, value, findings.budget, report);
  else if (Array.isArray(value)) checkList(schema, value, path, findings, report);
  else if (value !== null && typeof value === 'object') checkObject(schema, value, path, findings, report);
}

type Report = (code: string, message: string) => void;

function checkNumber(schema: ValueSchema, value: number, report: Report): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === 'number' && value < minimum) report('out-of-range', `must be ${minimum} or more`);
  if (typeof maximum === 'number' && value > maximum) report('out-of-range', `must be ${maximum} or less`);
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) {
    report('out-of-range', `must be more than ${exclusiveMinimum}`);
  }
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) {
    report('out-of-range', `must be less than ${exclusiveMaximum}`);
  }
  if (typeof multipleOf === 'number' && !isMultiple(value, multipleOf)) {
    report('out-of-range', `must be a multiple of ${multipleOf}`);
  }
}

/** 0.3 is three times 0.1, although their quotient as doubles is 2.9999999999999996. */
function isMultiple(value: number, step: number): boolean {
  const quotient = value / step;
  return Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient));
}

function checkText(schema: ValueSchema, value: string, budget: MatchBudget, report: Report): void {
  const { minLength, maxLength, pattern, format } = schema;
  // JSON Schema counts characters, not UTF-16 code units.
  const length = typeof minLength === 'number' || typeof maxLength === 'number' ? [...value].length : 0;
  if (typeof minLength === 'number' && length < minLength) {
    report('bad-length', `must have ${minLength} characters or more`);
  }
  if (typeof maxLength === 'number' && length > maxLength) {
    report('bad-length', `must have ${maxLength} characters or fewer`);
  }
  if (typeof pattern === 'string') {
    const compiled = linearPattern(pattern);
    if (typeof compiled !== 'string') {
      if (!budget.spend(compiled.steps(value))) {
        report('bad-length', `is too long to be checked against the pattern ${pattern}`);
      } else if (!compiled.occursIn(value)) {
        report('bad-format', `must match the pattern ${pattern}`);
      }
    }
  }
  if (typeof format === 'string' && !hasFormat(value, format)) report('bad-format', `must be of the format ${format}`);
}

function checkList(schema: ValueSchema, value: Json[], path: string[], findings: Findings, report: Report): void {
  const { minItems, maxItems, uniqueItems, items } = schema;
  if (typeof minItems === 'number' && value.length < minItems) {
    report('bad-length', `must have ${minItems} entries or more`);
  }
  if (typeof maxItems === 'number' && value.length > maxItems) {
    report('bad-length', `must have ${maxItems} entries or fewer`);
  }
  if (uniqueItems === true && new Set(value.map(canonicalJson)).size < value.length) {
    report('duplicate-entry', 'must not hold the same entry twice');
  }
  if (isRecord(items)) value.forEach((entry, index) => visit(items, entry, [...path, String(index)], findings));
}

function checkObject(
  schema: ValueSchema,
  value: Record<string, Json>,
  path: string[],
  findings: Findings,
  report: Report,
): void {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  if (Array.isArray(schema.required)) {
    for (const name of schema.required) {
      if (typeof name === 'string' && !Object.hasOwn(value, name)) report('missing-field', `must have "${name}"`);
    }
  }
  for (const [name, member] of Object.entries(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (isRecord(property)) visit(property, member, [...path, name], findings);
    else if (schema.additionalProperties === false) report('unknown-field', `must not have "${name.slice(0, 80)}"`);
  }
}

function hasType(value: Json, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
    default:
      return true;
  }
}

function typeHint(value: Json, type: string): string {
  if (type === 'integer' && typeof value === 'number' && Number.isInteger(value)) {
    return ' between -9007199254740991 and 9007199254740991';
  }
  if ((type === 'integer' || type === 'number' || type === 'boolean') && typeof value === 'string') {
    const isQuoted = (type === 'boolean' ? /^(?:true|false)$/ : /^-?[0-9.]+$/).test(value);
    return isQuoted ? ', not text in quotes' : ', not text';
  }
  return '';
}

/** The thorough forms where they are cheap: 31 February is no date. */
const FORMATS: Readonly<Record<string, unknown>> = {
  ...fastFormats,
  date: fullFormats.date,
  time: fullFormats.time,
  'date-time': fullFormats['date-time'],
};

/** Longest text a format is looked at for; the formats' own expressions are not ours to vouch for. */
const MAX_FORMATTED = 2048;

function hasFormat(value: string, name: string): boolean {
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  const rule: unknown = isObject(format) && !(format instanceof RegExp) ? format.validate : format;
  if (rule === undefined) return true;
  if (value.length > MAX_FORMATTED) return false;
  return rule instanceof RegExp ? rule.test(value) : !isRule(rule) || rule(value);
}

function isRule(value: unknown): value is (text: string) => boolean {
  return typeof value === 'function';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object';
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

const choices = new WeakMap<object, ReadonlySet<string>>();

/** Canonical, and once per schema: a list of thousands is checked entry by entry against choices of thousands. */
function choicesOf(listed: Json[]): ReadonlySet<string> {
  let known = choices.get(listed);
  if (known === undefined) {
    known = new Set(listed.map(canonicalJson));
    choices.set(listed, known);
  }
  return known;
}

function shown(value: Json): string {
  return JSON.stringify(value);
}
