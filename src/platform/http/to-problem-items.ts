import type { ValidationError } from 'class-validator';
import { toPointer } from '../../../definition/json-pointer.js';
import type { ProblemItem } from '../problem.js';
import { fieldRules } from './known-fields.js';

/** Flattens class-validator's tree: what is wrong with each value, with the pointer or parameter it is about. */
export function toProblemItems(errors: readonly ValidationError[], where: 'body' | 'query'): ProblemItem[] {
  return errors.flatMap((error) => flatten(error, [], where));
}

function flatten(error: ValidationError, above: readonly string[], where: 'body' | 'query'): ProblemItem[] {
  const path = [...above, error.property];
  const place = where === 'body' ? { pointer: toPointer(path) } : { parameter: path[0] ?? '' };
  const own = faultsOf(error).map((fault) => ({ ...place, ...fault }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path, where))];
}

/** Of a value that is missing or of another type nothing else is said: its length and its bounds are no faults of their own. */
function faultsOf(error: ValidationError): { code: string; message: string }[] {
  const { property, constraints = {}, target } = error;
  const faults = Object.entries(constraints).map(([constraint, message]) => ({
    code: codeOf(constraint),
    message: constraint === 'whitelistValidation' ? unknownField(error) : sentence(message),
  }));
  const isMissing = target !== undefined && (target as Record<string, unknown>)[property] === undefined;
  if (isMissing && faults.length > 0) return [{ code: 'required', message: `${property} is missing.` }];
  const ofType = faults.filter(({ code }) => code === 'wrong-type');
  return ofType.length > 0 ? ofType : faults;
}

function sentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}

const CODES: Readonly<Record<string, string>> = {
  whitelistValidation: 'unknown-field',
  isIn: 'not-allowed',
  isEnum: 'not-allowed',
  isDefined: 'required',
  isNotEmpty: 'required',
  min: 'too-small',
  max: 'too-large',
  minLength: 'too-short',
  maxLength: 'too-long',
  isLength: 'wrong-length',
  arrayMaxSize: 'too-many',
  arrayMinSize: 'too-few',
  matches: 'wrong-format',
};

function codeOf(constraint: string): string {
  const known = CODES[constraint];
  if (known !== undefined) return known;
  if (constraint.startsWith('is')) return 'wrong-type';
  return constraint.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function unknownField({ property, target }: ValidationError): string {
  return unknownName('field', property, target === undefined ? [] : fieldRules(target.constructor).known);
}

export function unknownName(what: 'field' | 'parameter', name: string, known: readonly string[]): string {
  return `There is no ${what} ${name} here${known.length > 0 ? `; there are ${known.join(', ')}` : ''}.`;
}
