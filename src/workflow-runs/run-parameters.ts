import type { Json, ParamSchema } from '../../definition/definition-types.js';
import { toPointer } from '../../definition/json-pointer.js';
import { effectiveParameters } from '../../definition/param-values.js';
import { beyondLimit } from '../lifecycle/parameters-limit.js';
import { Problem } from '../platform/problem.js';
import { isOptional } from '../workflows/ui-form-schema.js';

/**
 * The values a run is started with: given ones checked, defaults filled in. Throws `parameters-invalid` naming each, or the
 * largest where they are too large together.
 */
export function runParameters(
  schemas: Readonly<Record<string, ParamSchema>>,
  given: Readonly<Record<string, Json>>,
): Record<string, Json> {
  const asked = Object.entries(schemas).filter(([name, schema]) => !isOptional(schema) || Object.hasOwn(given, name));
  const { ok, values, errors } = effectiveParameters(Object.fromEntries(asked), given);
  if (ok) return withinLimit(values);
  throw new Problem('parameters-invalid', {
    detail: errors.map((error) => error.message).join(' '),
    errors: errors.map(({ name, code, message }) => ({ pointer: toPointer(['parameters', name]), code, message })),
  });
}

function withinLimit(values: Record<string, Json>): Record<string, Json> {
  const named = Object.entries(values);
  const beyond = beyondLimit(values, named);
  if (!beyond) return values;
  const { message } = beyond;
  const pointer = toPointer(['parameters', named[beyond.index]?.[0] ?? '']);
  throw new Problem('parameters-invalid', {
    detail: message,
    errors: [{ pointer, code: 'parameters-too-large', message }],
  });
}
