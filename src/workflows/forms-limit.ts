import type { Json } from '../../definition/definition-types.js';
import { namedParameters, type ParameterNaming } from '../../definition/parameter-names.js';
import { beyondLimit, type LargestParameter } from '../lifecycle/parameters-limit.js';

/** The largest of a version's parameters where answers would show too much of them; undefined: they fit. Pure. */
export function formsBeyondLimit(parameters: readonly ParameterNaming[]): LargestParameter | undefined {
  // As they are stored: a member that is not set is not there.
  const stored = JSON.parse(JSON.stringify(parameters)) as Json[];
  const named = namedParameters(parameters).map(([name], index) => [name, stored[index] ?? null] as const);
  return beyondLimit(stored, named);
}
