import type { Json } from '../../../definition/definition-types.js';
import { toPointer } from '../../../definition/json-pointer.js';
import { Problem } from '../problem.js';
import { scanJson, type ScanFault } from './json-scan.js';

/** Levels of objects and arrays in a body, at most. */
export const MAX_JSON_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The value of a request body; undefined for an empty one. Throws `Problem`: `malformed-body` for bytes that are not UTF-8,
 * text that is not JSON, nesting deeper than 64 and a key given twice; `validation-failed` for keys and values that cannot
 * be kept as they were sent.
 */
export function parseJsonBody(bytes: Buffer): Json | undefined {
  if (bytes.length === 0) return undefined;
  const text = decode(bytes);
  const fault = scanJson(text, MAX_JSON_DEPTH);
  if (fault) throw problemOf(fault);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw new Problem('malformed-body', { detail: 'The body is not JSON.', cause: error });
  }
  if (/\\u(0000|d[89a-f])/i.test(text)) refuseUnstorableText(value, []);
  return value;
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new Problem('malformed-body', { detail: 'The body is not UTF-8.', cause: error });
  }
}

function problemOf(fault: ScanFault): Problem {
  switch (fault.kind) {
    case 'too-deep':
      return new Problem('malformed-body', { detail: `The body is nested deeper than ${MAX_JSON_DEPTH} levels.` });
    case 'duplicate-key':
      return new Problem('malformed-body', { detail: `The body has the key ${fault.pointer} twice.` });
    case 'reserved-key':
      return refusal(fault.pointer, 'unknown-field', 'There is no such field.');
    case 'number-not-exact':
      return refusal(
        fault.pointer,
        'number-not-exact',
        `${fault.text.slice(0, 40)} cannot be kept exactly: send it as a string.`,
      );
  }
}

/** NUL and halves of surrogate pairs are JSON, and no database or engine keeps them. */
function refuseUnstorableText(value: Json, path: readonly string[]): void {
  if (typeof value === 'string' && (value.includes('\0') || /\p{Surrogate}/u.test(value))) {
    throw refusal(toPointer(path), 'unsupported-character', 'NUL and unpaired surrogates cannot be kept.');
  }
  if (value === null || typeof value !== 'object') return;
  for (const [key, member] of Object.entries(value)) {
    refuseUnstorableText(key, [...path, key]);
    refuseUnstorableText(member ?? null, [...path, key]);
  }
}

function refusal(pointer: string, code: string, message: string): Problem {
  return new Problem('validation-failed', {
    detail: `${pointer || 'The body'}: ${message}`,
    errors: [{ pointer, code, message }],
  });
}
