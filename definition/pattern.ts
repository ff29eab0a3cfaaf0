import { RE2JS } from 're2js';

/** A regular expression whose time grows with its own size times the length of the text, never faster. */
export interface LinearPattern {
  /** Whether the pattern occurs anywhere in the text, as JSON Schema's `pattern` means it. */
  occursIn(text: string): boolean;
  /** What looking for it costs at most, for `MatchBudget`. */
  steps(text: string): number;
}

/**
 * What all matching of one request may cost together. Linear is not cheap: a pattern of a thousand instructions on a
 * text of a million characters is half a minute. The default takes about a tenth of a second; a plain character class
 * gets through half a million characters with it.
 */
export class MatchBudget {
  constructor(private left = 5_000_000) {}

  /** False = more than what is left; nothing is taken then. */
  spend(steps: number): boolean {
    if (steps > this.left) return false;
    this.left -= steps;
    return true;
  }
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
    const size = pattern.programSize();
    return {
      occursIn: (text) => pattern.matcher(text).find(),
      steps: (text) => size * (text.length + 1),
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
