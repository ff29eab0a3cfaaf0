import type { Json } from '../../definition/definition-types.js';
import { jsonbTextBytes } from '../platform/jsonb-text-bytes.js';

/**
 * Bytes of the effective parameters of a run, as answers show them: each page of runs repeats them. A version may show as much
 * of its own, so whatever its defaults are a run can be started with them.
 */
export const PARAMETERS_LIMIT_BYTES = 262_144;

/** One of those that are too large together. */
export interface LargestParameter {
  index: number;
  message: string;
}

/** The largest of `named` where `shown`, which holds them all, is too large; undefined: it fits. */
export function beyondLimit(shown: Json, named: readonly (readonly [string, Json])[]): LargestParameter | undefined {
  const bytes = jsonbTextBytes(shown);
  if (bytes <= PARAMETERS_LIMIT_BYTES) return undefined;
  const sizes = named.map(([name, value], index) => ({ name, index, bytes: jsonbTextBytes(value) }));
  const largest = sizes.reduce((most, one) => (one.bytes > most.bytes ? one : most));
  const message = [
    `The parameters take ${bytes} bytes as they are shown, with every digit of a number;`,
    `together they may take ${PARAMETERS_LIMIT_BYTES}. The largest is "${largest.name}" with ${largest.bytes}.`,
  ].join(' ');
  return { index: largest.index, message };
}
