import type { ValidationError } from 'class-validator';
import { toPointer } from '../../../definition/json-pointer.js';
import type { ProblemItem } from '../problem.js';
import { fieldRules } from './known-fields.js';

/** Flattens class-validator's tree: one item per broken constraint, with the pointer or parameter it is about. */
export function toProblemItems(errors: readonly ValidationError[], where: 'body' | 'query'): ProblemItem[] {
  return errors.flatMap((error) => flatten(error, [], where));
}

function flatten(error: ValidationError, above: readonly string[], where: 'body' | 'query'): ProblemItem[] {
  const path = [...above, error.property];
  const place = where === 'body' ? { pointer: toPointer(path) } : { parameter: path[0] ?? '' };
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => ({
    ...place,
    code: codeOf(constraint),
    message: constraint === 'whitelistValidation' ? unknownField(error) : sentence(message),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, path, where))];
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
  nestedValidation: 'wrong-type',
};

function codeOf(constraint: string): string {
  const known = CODES[constraint];
  if (known !== undefined) return known;
  if (constraint.startsWith('is')) return 'wrong-type';
  return constraint.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function unknownField(error: ValidationError): string {
  const known = error.target === undefined ? [] : fieldRules(error.target.constructor).known;
  return `There is no field ${error.property} here${known.length > 0 ? `: ${known.join(', ')}` : ''}.`;
}

function sentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}
