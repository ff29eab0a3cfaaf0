import type { Json } from '../../definition/definition-types.js';

/**
 * Bytes of a value as PostgreSQL shows it once it is jsonb: blanks after `:` and `,`, and every digit of a number. `1e308` is
 * five characters in a body and 309 in each answer.
 */
export function jsonbTextBytes(value: Json): number {
  if (typeof value === 'number') return numberBytes(value);
  if (typeof value === 'string') return Buffer.byteLength(JSON.stringify(value));
  if (value === null || typeof value === 'boolean') return String(value).length;
  const parts = Array.isArray(value)
    ? value.map(jsonbTextBytes)
    : Object.entries(value).map(([name, member]) => jsonbTextBytes(name) + ': '.length + jsonbTextBytes(member));
  const separators = Math.max(parts.length - 1, 0) * ', '.length;
  return parts.reduce((sum, bytes) => sum + bytes, '[]'.length + separators);
}

function numberBytes(value: number): number {
  const text = JSON.stringify(value);
  const end = text.indexOf('e');
  if (end < 0) return text.length;
  // One digit before the point, 16 behind it at most, and 21 places or more: in a large number all of them are whole.
  const [whole = '', fraction = ''] = text.slice(0, end).split('.');
  const places = Number(text.slice(end + 1));
  return places > 0 ? whole.length + places : whole.length + '0.'.length - places - 1 + fraction.length;
}
