import type { Json } from '../../definition/definition-types.js';
import { toPointer } from '../../definition/json-pointer.js';

/** What Airflow 3 can tell its tasks: it packs conf with integers of 64 bits, and no task starts where one does not fit. */
const SMALLEST = -(2 ** 63);
const LARGEST = 2 ** 64;

/**
 * JSON pointer of the first number that Airflow's database writes as an integer no task can be given. PostgreSQL keeps
 * 1e300 as an integer of 301 digits, so that every large number is one.
 */
export function integerBeyond64Bits(value: Json, path: string[] = []): string | undefined {
  if (typeof value === 'number') return value < SMALLEST || value >= LARGEST ? toPointer(path) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = integerBeyond64Bits(member, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
