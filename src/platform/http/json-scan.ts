/**
 * Reads a JSON text once, without recursion and before anything parses it, for what JSON.parse lets pass: nesting without
 * bound, a key given twice, keys that reach an object's prototype, numbers that would silently become others.
 * Whether the text is JSON at all is left to JSON.parse.
 */
import { toPointer } from '../../../definition/json-pointer.js';

export type ScanFault =
  | { kind: 'too-deep'; pointer: string }
  | { kind: 'duplicate-key'; pointer: string }
  | { kind: 'reserved-key'; pointer: string }
  | { kind: 'number-not-exact'; pointer: string; text: string };

/** Names that every object has: as keys they shadow or reach what the code relies on. */
const RESERVED: ReadonlySet<string> = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
/** A whole number that is exact by its length: a body may be half a million of them. */
const SHORT_INTEGER = /-?\d{1,15}(?![\d.eE])/y;

interface Level {
  /** Keys so far; undefined in an array. */
  keys: Set<string> | undefined;
  key: string | number;
}

/** The first fault, or undefined. `maxDepth` counts objects and arrays. */
export function scanJson(text: string, maxDepth: number): ScanFault | undefined {
  const levels: Level[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text[at];
    const level = levels.at(-1);
    if (character === '"') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      if (level?.keys && isKey(text, end)) {
        const key = decode(text.slice(at, end));
        level.key = key;
        const kind = RESERVED.has(key) ? 'reserved-key' : level.keys.has(key) ? 'duplicate-key' : undefined;
        if (kind) return { kind, pointer: pointerOf(levels) };
        level.keys.add(key);
      }
      at = end;
    } else if (character === '{' || character === '[') {
      if (levels.length === maxDepth) return { kind: 'too-deep', pointer: pointerOf(levels) };
      levels.push({ keys: character === '{' ? new Set() : undefined, key: character === '{' ? '' : 0 });
      at += 1;
    } else if (character === '}' || character === ']') {
      levels.pop();
      at += 1;
    } else if (character === ',') {
      if (level && typeof level.key === 'number') level.key += 1;
      at += 1;
    } else if (character === '-' || (character !== undefined && character >= '0' && character <= '9')) {
      SHORT_INTEGER.lastIndex = at;
      if (SHORT_INTEGER.test(text)) {
        at = SHORT_INTEGER.lastIndex;
        continue;
      }
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0];
      if (number === undefined) return undefined;
      if (!isExact(number)) return { kind: 'number-not-exact', pointer: pointerOf(levels), text: number };
      at += number.length;
    } else {
      at += 1;
    }
  }
  return undefined;
}

/** Index after the closing quote; undefined when there is none. */
function endOfString(text: string, start: number): number | undefined {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
  return undefined;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (' \t\n\r'.includes(text[at] ?? '.')) at += 1;
  return text[at] === ':';
}

function decode(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}

/** Integers beyond 2^53 and numbers beyond the range of a double would be stored as others than were sent. */
function isExact(number: string): boolean {
  const value = Number(number);
  return /[.eE]/.test(number) ? Number.isFinite(value) : Number.isSafeInteger(value);
}

function pointerOf(levels: readonly Level[]): string {
  return toPointer(levels.map((level) => level.key));
}
