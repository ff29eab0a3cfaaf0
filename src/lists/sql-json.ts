/**
 * JSON as text, put together from texts: PostgreSQL is twice as fast at it as at json_strip_nulls(json_build_object(...)),
 * which writes an object, reads it and writes it again.
 */

/**
 * Members by name, from SQL that gives JSON text (a number is one); one that is NULL is left out. Without braces. The first
 * is never NULL: it brings no comma, and cutting one off afterwards would count every character of the text.
 */
export function jsonMembers(members: Readonly<Record<string, string>>): string {
  const texts = Object.entries(members).map(([name, sql], index) => `'${index === 0 ? '' : ','}"${name}":' || ${sql}`);
  // concat() takes NULL as nothing, and with it the name before it.
  return `concat(${texts.join(',\n    ')})`;
}

/** SQL text of any content as a JSON string; NULL stays NULL. */
export function jsonString(sql: string): string {
  return `to_json(${sql})::text`;
}

/** SQL text that holds nothing to be escaped, such as a time or a word of ours. */
export function jsonWord(sql: string): string {
  return `'"' || ${sql} || '"'`;
}

/** The labels `k` of a group of rows as a JSON list; a key holds nothing to be escaped. */
export const JSON_LABELS = `'[' || string_agg('{"key":' || ${jsonWord('k.key')} || ',"value":' || ${jsonString('k.value')} || '}',
  ',' ORDER BY k.key, k.value) || ']'`;
