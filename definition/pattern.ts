import { RE2JS } from 're2js';

/** A regular expression that cannot be made to run for longer than its text is long. */
export interface LinearPattern {
  /** Whether the pattern occurs anywhere in the text, as JSON Schema's `pattern` means it. */
  occursIn(text: string): boolean;
}

const cache = new Map<string, LinearPattern | string>();
const CACHE_SIZE = 500;
const MAX_PATTERN_LENGTH = 1000;

/**
 * Compiles a pattern of a definition. Users write these patterns and other users the texts they meet, so a
 * backtracking engine would hand out a way to stop the service; RE2 has none, nor look-around or back-references.
 * Answers the reason as text when the pattern is refused.
 */
export function linearPattern(source: string): LinearPattern | string {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const compiled = compile(source);
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(source, compiled);
  return compiled;
}

function compile(source: string): LinearPattern | string {
  if (source.length > MAX_PATTERN_LENGTH) return `it is longer than ${MAX_PATTERN_LENGTH} characters`;
  try {
    const pattern = RE2JS.compile(source);
    return { occursIn: (text) => pattern.matcher(text).find() };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
