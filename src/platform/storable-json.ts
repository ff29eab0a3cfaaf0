/** JSON text as PostgreSQL takes it. */

/** An escape sequence; whole, so that an escaped backslash is never taken for the begin of another one. */
const ESCAPE = /\\(u[0-9a-f]{4}|.)/g;
const NOT_STORABLE = /^u(0000|d[89a-f][0-9a-f]{2})$/;

/**
 * JSON of a value, with U+FFFD for what a jsonb column refuses and JavaScript allows: U+0000 and halves of surrogate pairs.
 * What engines and tasks say may hold anything, and has to be stored all the same.
 */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value);
  // A whole pair is written as it is, so every surrogate that is escaped is half of one.
  return text.includes('\\u')
    ? text.replace(ESCAPE, (escape, code: string) => (NOT_STORABLE.test(code) ? '\\ufffd' : escape))
    : text;
}
