const WORDS_BY_NAME = 100;

/** Words counted by name in this process. */
const named = new Set<string>();

/**
 * The label under which a word of an engine is counted. An engine that invents words without end would otherwise fill the
 * memory of the process with labels: after a hundred every new one is `other`.
 */
export function unknownWordLabel(word: string): string {
  const label = word.slice(0, 64);
  if (!named.has(label) && named.size >= WORDS_BY_NAME) return 'other';
  named.add(label);
  return label;
}
