import type { Json, ParamSchema } from '../../definition/definition-types.js';
import { toPointer } from '../../definition/json-pointer.js';
import { effectiveParameters } from '../../definition/param-values.js';
import { PARAMETERS_LIMIT_BYTES } from '../lifecycle/parameters-limit.js';
import { jsonbTextBytes } from '../platform/jsonb-text-bytes.js';
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
  const bytes = jsonbTextBytes(values);
  if (bytes <= PARAMETERS_LIMIT_BYTES) return values;
  const sizes = Object.entries(values).map(([name, value]) => ({ name, bytes: jsonbTextBytes(value) }));
  const largest = sizes.reduce((most, one) => (one.bytes > most.bytes ? one : most));
  const message = [
    `The parameters take ${bytes} bytes as they are shown, with every digit of a number;`,
    `together they may take ${PARAMETERS_LIMIT_BYTES}. The largest is "${largest.name}" with ${largest.bytes}.`,
  ].join(' ');
  throw new Problem('parameters-invalid', {
    detail: message,
    errors: [{ pointer: toPointer(['parameters', largest.name]), code: 'parameters-too-large', message }],
  });
}
