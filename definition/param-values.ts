import { checkValue } from './check-value.js';
import { closestName } from './closest-name.js';
import type { Json, ParamSchema } from './definition-types.js';
import { MatchBudget } from './pattern.js';

export interface ParamError {
  /** The parameter, as the client wrote it. */
  name: string;
  /** kebab-case, stable. */
  code: string;
  message: string;
}

/** `values` holds every parameter that has one: the given and the defaults. Empty when not ok. */
export interface EffectiveParameters {
  ok: boolean;
  values: Record<string, Json>;
  errors: ParamError[];
}

/** Names nobody declared that are told: there may be as many as fit into a body. */
const MAX_STRANGERS = 100;
/** Names that there are, told where none is close to the one that was given. */
const MAX_NAMED = 8;

/** What a run is started with: given values checked against the schemas, defaults filled in, every error at once. */
export function effectiveParameters(
  params: Readonly<Record<string, ParamSchema>>,
  given: Readonly<Record<string, Json>>,
): EffectiveParameters {
  const errors: ParamError[] = [];
  const values: Record<string, Json> = {};
  const known = Object.keys(params);
  const strangers = Object.keys(given).filter((name) => !Object.hasOwn(params, name));
  for (const name of strangers.slice(0, MAX_STRANGERS)) {
    errors.push({ name, code: 'unknown-parameter', message: unknown(name, known) });
  }
  const budget = new MatchBudget();
  for (const [name, schema] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (schema.default !== undefined) values[name] = structuredClone(schema.default);
      else errors.push({ name, code: 'missing-parameter', message: `The parameter "${name}" is required.` });
      continue;
    }
    const problems = checkValue(schema, value, budget);
    for (const { code, message, path } of problems) {
      const part = path.map((segment) => (/^[0-9]+$/.test(segment) ? `[${segment}]` : `.${segment}`)).join('');
      errors.push({ name, code, message: `The parameter "${name}${part}" ${message}.` });
    }
    if (problems.length === 0) values[name] = value;
  }
  return errors.length === 0 ? { ok: true, values, errors } : { ok: false, values: {}, errors };
}

function unknown(name: string, known: string[]): string {
  const suggestion = closestName(name, known);
  const hint = suggestion === undefined ? `; ${thereAre(known)}.` : `; did you mean "${suggestion}"?`;
  return `There is no parameter "${name.slice(0, 80)}"${hint}`;
}

function thereAre(known: string[]): string {
  if (known.length === 0) return 'there is none';
  const named = known.slice(0, MAX_NAMED).map((name) => `"${name}"`);
  return `there ${known.length === 1 ? 'is' : 'are'} ${named.join(', ')}${known.length > MAX_NAMED ? ' and others' : ''}`;
}
