/** Whether a client that sent this Accept header takes one of `produces`; no header takes everything. */
export function accepts(header: string | undefined, produces: readonly string[]): boolean {
  if (header === undefined || header.trim() === '' || produces.length === 0) return true;
  const ranges = header.split(',').map(parseRange);
  return produces.some((type) => {
    // The most specific range decides: `text/*;q=0` refuses what `*/*` would take.
    const matching = ranges.filter((range) => covers(range.type, type));
    const best = matching.sort((a, b) => specificity(b.type) - specificity(a.type))[0];
    return best !== undefined && best.quality > 0;
  });
}

/** Whether the client prefers event streams: it named them, and `application/json` not before them. */
export function wantsEventStream(header: string | undefined): boolean {
  return (header ?? '').split(',').some((part) => parseRange(part).type === 'text/event-stream');
}

function parseRange(text: string): { type: string; quality: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
}

function covers(range: string, type: string): boolean {
  if (range === '*/*' || range === type) return true;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1));
}

function specificity(range: string): number {
  return range === '*/*' ? 0 : range.endsWith('/*') ? 1 : 2;
}
