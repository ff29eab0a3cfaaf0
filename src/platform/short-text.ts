const LONGEST = 2_000;

/** A text of somebody else's, cut to what a row, a log line or a person can take; U+0000, which no column holds, is left out. */
export function shortText(text: string): string {
  const plain = text.replaceAll('\u0000', '');
  return plain.length <= LONGEST ? plain : `${plain.slice(0, LONGEST)}…`;
}
