/** The format that a definition is sent as, and a sentence about it where it is a guess that may be wrong. */
export function formatOf(
  definition: string,
  { file, engine, named }: { file: string; engine: string; named: string | undefined },
): { format: string; guess: string | undefined } {
  if (named !== undefined) return { format: named, guess: undefined };
  if (isPortable(definition)) return { format: 'signalbox/v1', guess: undefined };
  const what = file === '-' ? 'The text' : file;
  const guess =
    `${what} was taken for a native definition of the engine ${engine}, as it has no "apiVersion: signalbox/v1". ` +
    'If it is none, add that line or name the format with --format.';
  return { format: 'native', guess };
}

/** The portable form names itself in its first key. */
function isPortable(definition: string): boolean {
  return /^[\s{]*"?apiVersion"?\s*:\s*["']?signalbox\//m.test(definition);
}
