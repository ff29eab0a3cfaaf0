import { checkValue } from './check-value.js';
import { closestName } from './closest-name.js';
import type { Json, ParamSchema } from './definition-types.js';

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

/** What a run is started with: given values checked against the schemas, defaults filled in, every error at once. */
export function effectiveParameters(
  params: Readonly<Record<string, ParamSchema>>,
  given: Readonly<Record<string, Json>>,
): EffectiveParameters {
  const errors: ParamError[] = [];
  const values: Record<string, Json> = {};
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(params, name)) continue;
    errors.push({ name, code: 'unknown-parameter', message: unknown(name, Object.keys(params)) });
  }
  for (const [name, schema] of Object.entries(params)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (schema.default !== undefined) values[name] = structuredClone(schema.default);
      else errors.push({ name, code: 'missing-parameter', message: `The parameter "${name}" is required.` });
      continue;
    }
    const problems = checkValue(schema, value);
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
  const hint = suggestion === undefined ? '.' : `; did you mean "${suggestion}"?`;
  return `There is no parameter "${name.slice(0, 80)}"${hint}`;
}
