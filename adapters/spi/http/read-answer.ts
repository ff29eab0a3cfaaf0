/** Reads bytes of an engine that may be broken, hostile, or a proxy: every doubt is an `EngineError('unknown')`. */
import type { Json } from '../../../definition/definition-types.js';
import { EngineError } from '../engine-error.js';

/** No answer of the engine nests deeper; recursion over a parsed answer is safe below it. */
const DEPTH_LIMIT = 128;

export type JsonObject = Record<string, Json>;

export function readJson(bytes: Uint8Array): Json {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw garbage('bytes that are no UTF-8', cause);
  }
  if (deeperThan(text, DEPTH_LIMIT)) throw garbage(`JSON deeper than ${DEPTH_LIMIT}`);
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw garbage(`no JSON: ${text.slice(0, 80)}`, cause);
  }
}

export function readObject(value: Json | undefined, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw garbage(`${what} is no object`);
  return value;
}

export function readList(value: Json | undefined, what: string): Json[] {
  if (!Array.isArray(value)) throw garbage(`${what} is no list`);
  return value;
}

export function readText(value: Json | undefined, what: string): string {
  if (typeof value !== 'string') throw garbage(`${what} is no text`);
  return value;
}

export function readCount(value: Json | undefined, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw garbage(`${what} is no count`);
  return value;
}

export function readFlag(value: Json | undefined, what: string): boolean {
  if (typeof value !== 'boolean') throw garbage(`${what} is neither true nor false`);
  return value;
}

/** For people: a text as it is, anything else as JSON. */
export function wordOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** Null is nothing; anything but null and a time is garbage. */
export function readTime(value: Json | undefined, what: string): Date | undefined {
  if (value === null) return undefined;
  const time = new Date(readText(value, what));
  if (Number.isNaN(time.getTime())) throw garbage(`${what} is no time`);
  return time;
}

export function garbage(what: string, cause?: unknown): EngineError {
  return new EngineError('unknown', `the engine's answer cannot be read: ${what}`, { cause });
}

/** Counts brackets outside of texts, without recursion. */
function deeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inText) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) inText = false;
    } else if (char === 0x22) inText = true;
    else if (char === 0x5b || char === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (char === 0x5d || char === 0x7d) depth -= 1;
  }
  return false;
}
