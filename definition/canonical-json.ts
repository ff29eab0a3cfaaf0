import { createHash } from 'node:crypto';
import type { Json } from './definition-types.js';

/**
 * One text per value: keys sorted by UTF-16 code units, no blanks, `-0` as `0` (RFC 8785 for what JSON can hold).
 * Members that are `undefined` are left out, as in JSON.stringify.
 */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort()
      .flatMap((key) => {
        const member = value[key];
        return member === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(member)}`];
      });
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** sha256 of the canonical text, 64 hexadecimal digits. */
export function contentHash(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
