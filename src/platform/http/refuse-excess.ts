import { toPointer } from '../../../definition/json-pointer.js';
import type { ProblemItem } from '../problem.js';
import { fieldRules } from './known-fields.js';
import { unknownName } from './to-problem-items.js';

/** Far above the fields of any DTO: the others are certainly unknown. */
const MAX_FIELDS = 100;
/** Of a field that holds DTOs, however they are nested. */
const MAX_VALUES = 10_000;
const MAX_TOLD = 100;

/**
 * What can be refused about a body without looking at each value. class-validator looks at every one and describes every
 * fault: a MiB of faults would hold the process up for seconds and become a hundred MiB of answer. It also takes null for
 * a field that is left out, and a list for an object, which no description of the API says.
 */
export function excess(model: object, value: object, path: readonly string[] = []): ProblemItem[] {
  const { known, nested, lists, optional } = fieldRules(model);
  const names = Object.keys(value);
  if (names.length > MAX_FIELDS) {
    return names
      .filter((name) => !known.includes(name))
      .slice(0, MAX_TOLD)
      .map((name) => item([...path, name], 'unknown-field', unknownName('field', name, known)));
  }
  return names.flatMap((name) => {
    const member = (value as Record<string, unknown>)[name];
    const at = [...path, name];
    if (member === null && optional.has(name)) {
      return [item(at, 'wrong-type', `${name} must not be null: leave it out.`)];
    }
    if (member === undefined || !nested.has(name)) return [];
    if (holdsMore(member)) return [item(at, 'too-many', `${name} may hold at most ${MAX_VALUES} values.`)];
    if (!lists.has(name)) {
      return isRecord(member)
        ? excess(member.constructor, member, at)
        : [item(at, 'wrong-type', `${name} must be an object.`)];
    }
    if (!Array.isArray(member)) return [item(at, 'wrong-type', `${name} must be a list.`)];
    return member
      .flatMap((entry: unknown, index) => {
        const place = [...at, String(index)];
        return isRecord(entry)
          ? excess(entry.constructor, entry, place)
          : [item(place, 'wrong-type', `Each of ${name} must be an object.`)];
      })
      .slice(0, MAX_TOLD);
  });
}

function isRecord(value: unknown): value is object {
  return isObject(value) && !Array.isArray(value);
}

/** Whether there are more values in it than are looked at. */
function holdsMore(member: unknown): boolean {
  const open: unknown[] = [member];
  for (let seen = 0; open.length > 0; seen += 1) {
    if (seen + open.length > MAX_VALUES) return true;
    const value = open.pop();
    // Not spread: a call takes only so many arguments.
    if (isObject(value)) for (const inner of Object.values(value)) open.push(inner);
  }
  return false;
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}

function item(path: readonly string[], code: string, message: string): ProblemItem {
  return { pointer: toPointer(path), code, message };
}
